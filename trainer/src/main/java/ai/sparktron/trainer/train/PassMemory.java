package ai.sparktron.trainer.train;

import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Memory;
import ai.sparktron.trainer.tensor.StackArena;
import java.util.function.Function;

/**
 * Memory of the passes of one rank: an arena for the saved activations of each that is in flight, one for each gradient of the stream that is received, worked on or
 * sent, and one for calls.
 */
public final class PassMemory implements AutoCloseable {

    private final ArenaPool passes;
    private final ArenaPool gradients;
    private final Arena scratch;

    private PassMemory(Function<String, Arena> maker, Arena scratch) {
        this.passes = new ArenaPool(number -> maker.apply("micro-batch " + number));
        this.gradients = new ArenaPool(number -> maker.apply("stream gradient " + number));
        this.scratch = scratch;
    }

    /**
     * Growing arenas, made when they are needed.
     *
     * @param chunkBytes of a block of each
     * @param scratch    of calls; stays the caller's
     */
    public static PassMemory growing(Memory memory, long chunkBytes, Arena scratch) {
        return new PassMemory(name -> StackArena.growing(name, memory, chunkBytes), scratch);
    }

    /** @param maker makes an arena of a name */
    static PassMemory of(Function<String, Arena> maker, Arena scratch) {
        return new PassMemory(maker, scratch);
    }

    ArenaPool passes() {
        return passes;
    }

    ArenaPool gradients() {
        return gradients;
    }

    Arena scratch() {
        return scratch;
    }

    /** Sum of the peaks of all arenas but the caller's. */
    public long peakBytes() {
        return passes.peakBytes() + gradients.peakBytes();
    }

    @Override
    public void close() {
        try (passes) {
            gradients.close();
        }
    }
}
