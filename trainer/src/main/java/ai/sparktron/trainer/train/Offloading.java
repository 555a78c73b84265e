package ai.sparktron.trainer.train;

import ai.sparktron.trainer.config.OptimizerOptions;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.HostStore;
import ai.sparktron.trainer.kernels.StochasticRounding;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.optimizer.AdamW;
import ai.sparktron.trainer.optimizer.FlatRange;
import ai.sparktron.trainer.optimizer.OffloadedAdamW;
import ai.sparktron.trainer.optimizer.Optimizer;
import ai.sparktron.trainer.optimizer.OwnRange;
import ai.sparktron.trainer.optimizer.StateConveyor;
import ai.sparktron.trainer.optimizer.StateTypes;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.List;

/**
 * The share of main weights and moments that rests on the host ({@code optimizer_cpu_offload}, {@code optimizer_offload_fraction}). The update itself runs on the device:
 * state visits it a chunk at a time, beside backward and the update of other chunks.
 */
final class Offloading implements AutoCloseable {

    private static final long ARENA_CHUNK_BYTES = 1L << 20;

    private final Engine engine;
    private final StateTypes types;
    private final double fraction;
    private final HostStore store;
    private final StackArena arena;
    private final Arena.Frame host;
    private final StateConveyor conveyor;

    /**
     * @param most elements of the largest range that is updated
     * @param run  gives the places on the device
     */
    Offloading(OptimizerOptions options, StateTypes types, Engine engine, long most, Arena.Frame run) {
        this.engine = engine;
        this.types = types;
        this.fraction = options.optimizerCpuOffload() ? options.optimizerOffloadFraction() : 0;
        if (fraction == 0) {
            this.store = null;
            this.arena = null;
            this.host = null;
            this.conveyor = null;
            return;
        }
        this.store = engine.hostStore(StateConveyor.PLACES);
        this.arena = StackArena.growing("optimizer state on the host", store.memory(), ARENA_CHUNK_BYTES);
        this.host = arena.open("optimizer");
        this.conveyor = new StateConveyor(store, types, Math.min(StateConveyor.USUAL_CHUNK, aligned(most)), run);
    }

    /** Elements at the end of a range of so many whose state is kept on the host. */
    long onHost(long size) {
        return Math.min(size, aligned((long) (fraction * size)));
    }

    private static long aligned(long elements) {
        return (elements + Parameters.ALIGNMENT - 1) / Parameters.ALIGNMENT * Parameters.ALIGNMENT;
    }

    /** A range kept on the host. */
    OwnRange range(Tensor value, Tensor gradient, long base) {
        return OffloadedAdamW.range(types, value, gradient, base, conveyor, host);
    }

    /** The optimizer of a range kept on the host; ranges are updated in the order in which this is called. */
    Optimizer optimizer(AdamW.Settings settings, OwnRange own, StochasticRounding rounding, List<FlatRange> decayed) {
        return new OffloadedAdamW(engine, settings, own, types, rounding, decayed, conveyor, host);
    }

    /** What is needed first starts on its way. */
    void prefetch() {
        if (conveyor != null) {
            conveyor.prefetch();
        }
    }

    @Override
    public void close() {
        if (store != null) {
            // Copies that are under way end first.
            store.settle();
            host.close();
            arena.close();
            store.close();
        }
    }
}
