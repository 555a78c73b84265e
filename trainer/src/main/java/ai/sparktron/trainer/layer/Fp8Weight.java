package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Quantised;
import ai.sparktron.trainer.kernels.Quantised.Blocks;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;

/**
 * A weight in eight bits, made when it is first used after the weight has changed: once a step, or once where it is frozen. The transpose of a trained weight is made at
 * every use: moving a byte twice costs a hundredth of the product, keeping it would cost as much memory again. That of a frozen one, which is never made again and has
 * neither gradient nor optimizer state beside it, is kept.
 */
final class Fp8Weight {

    private static final String NAME = "fp8 weights";
    private static final long NEVER = -1;

    private final Parameter weight;
    private final Fp8Scaling scaling;
    private final Quantised rows;
    private final Quantised kept;
    private long made = NEVER;

    /**
     * @param training whether its inputs' gradients will be asked for
     * @param run      gives the memory: a byte for each element, two where the transpose is kept
     */
    Fp8Weight(Parameter weight, Fp8Settings.Recipe recipe, boolean training, Arena.Frame run) {
        boolean blockwise = recipe == Fp8Settings.Recipe.BLOCKWISE;
        Blocks blocks = blockwise ? Blocks.SQUARES : Blocks.WHOLE;
        this.weight = weight;
        this.scaling = blockwise ? Fp8Scaling.BLOCKS : Fp8Scaling.OWN;
        this.rows = Quantised.allocate(run, NAME, DType.F8_E4M3, weight.value().rows(), weight.value().columns(), blocks);
        this.kept = training && !weight.isTrained() ? turned(run) : null;
    }

    /** [outputs, inputs]. @param version of the trained weights */
    Quantised rows(long version, Pass pass) {
        bringUpToDate(version, pass);
        return rows;
    }

    /** [inputs, outputs]. @param scratch gives the memory where it is not kept */
    Quantised turned(long version, Arena.Frame scratch, Pass pass) {
        bringUpToDate(version, pass);
        if (kept != null) {
            return kept;
        }
        Quantised turned = turned(scratch);
        pass.kernels().fp8().turn(rows, turned);
        return turned;
    }

    private Quantised turned(Arena.Frame frame) {
        return Quantised.allocateTurned(frame, NAME, DType.F8_E4M3, weight.value().rows(), weight.value().columns(), rows.blocks());
    }

    private void bringUpToDate(long version, Pass pass) {
        long wanted = weight.isTrained() ? version : 0;
        if (made != wanted) {
            try (Arena.Frame scratch = pass.scratch().open(NAME)) {
                scaling.quantise(weight.value(), rows, kept, scratch, pass);
            }
            made = wanted;
        }
    }
}
