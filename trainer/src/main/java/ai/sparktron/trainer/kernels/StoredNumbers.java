package ai.sparktron.trainer.kernels;

import java.nio.ByteBuffer;

/**
 * Float32 numbers [n] that are kept somewhere in some form: what loading and saving see, so that neither depends on the form. Used by the engine's thread, between
 * steps.
 */
public interface StoredNumbers {

    /** How many there are. */
    long size();

    /** Reads as many numbers, from {@code from} on, as fit what remains of the target (native order); its position moves to its limit. */
    void read(long from, ByteBuffer target);

    /** Writes the numbers that remain in the source, rounded to how they are kept; its position moves to its limit. */
    void write(long from, ByteBuffer source);
}
