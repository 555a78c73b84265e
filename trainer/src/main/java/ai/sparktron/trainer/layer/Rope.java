package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.RopeFrequencies;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * The rope table of a run, float32 [P, R]. A micro-batch that reaches further, or so far that a length-dependent scaling changes its frequencies, gets one of
 * its own: others in flight keep theirs.
 */
final class Rope {

    private final ModelConfig config;
    private final Engine engine;
    private final Tensor table;

    /** @param positions P of the shared table: longest document expected */
    Rope(ModelConfig config, Engine engine, Arena.Frame run, int positions) {
        this.config = config;
        this.engine = engine;
        this.table = make(run, positions, 1);
    }

    /** Whether a micro-batch that reaches so far uses the shared table. */
    boolean isShared(int reach) {
        boolean scaled = config.rope().kind().dependsOnLength() && reach > config.rope().unscaledLength();
        return reach <= table.rows() && !scaled;
    }

    /** @param frame gives the memory of a table of the micro-batch's own */
    Tensor tableFor(int reach, Arena.Frame frame) {
        return isShared(reach) ? table : make(frame, reach, reach);
    }

    private Tensor make(Arena.Frame frame, int positions, int length) {
        Tensor made = frame.tensor("rope_table", DType.F32, positions, config.rotarySize());
        engine.write(made, HostArrays.bytes(RopeFrequencies.of(config.rope(), config.rotarySize(), length).cosSin(positions)));
        return made;
    }
}
