package ai.sparktron.trainer.train;

import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Memory;
import ai.sparktron.trainer.tensor.StackArena;
import java.util.function.Function;

/**
 * Memory of the passes of one rank: an arena for the saved activations of each that is in flight, one for each gradient of the stream that is received, worked on or
 * sent, one for layers that are run again in backward, and one for calls.
 */
public final class PassMemory implements AutoCloseable {

    private final ArenaPool passes;
    private final ArenaPool gradients;
    private final ArenaPool repetitions;
    private final Arena scratch;
    private Arena repeated;

    private PassMemory(Function<String, Arena> maker, Arena scratch) {
        this.passes = new ArenaPool(number -> maker.apply("micro-batch " + number));
        this.gradients = new ArenaPool(number -> maker.apply("stream gradient " + number));
        this.repetitions = new ArenaPool(number -> maker.apply("repeated layers"));
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

    /** One for all passes, made when it is first asked for. */
    Arena repeated() {
        if (repeated == null) {
            repeated = repetitions.take();
        }
        return repeated;
    }

    Arena scratch() {
        return scratch;
    }

    /** Sum of the peaks of all arenas but the caller's. */
    public long peakBytes() {
        return passes.peakBytes() + gradients.peakBytes() + repetitions.peakBytes();
    }

    @Override
    public void close() {
        try (passes; gradients) {
            repetitions.close();
        }
    }
}
