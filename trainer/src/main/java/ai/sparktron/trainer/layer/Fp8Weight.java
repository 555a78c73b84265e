package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Quantised;
import ai.sparktron.trainer.kernels.Quantised.Blocks;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;

/** A weight and its transpose in eight bits, made when they are first used after the weight has changed: once a step, or once where it is frozen. */
final class Fp8Weight {

    private static final String NAME = "fp8 weights";
    private static final long NEVER = -1;

    private final Parameter weight;
    private final Fp8Scaling scaling;
    private final Quantised rows;
    private final Quantised turned;
    private long made = NEVER;

    /**
     * @param training whether its inputs' gradients will be asked for
     * @param run      gives the memory: a byte for each element, two in training
     */
    Fp8Weight(Parameter weight, Fp8Settings.Recipe recipe, boolean training, Arena.Frame run) {
        boolean blockwise = recipe == Fp8Settings.Recipe.BLOCKWISE;
        Blocks blocks = blockwise ? Blocks.SQUARES : Blocks.WHOLE;
        long outputs = weight.value().rows();
        long inputs = weight.value().columns();
        this.weight = weight;
        this.scaling = blockwise ? Fp8Scaling.BLOCKS : Fp8Scaling.OWN;
        this.rows = Quantised.allocate(run, NAME, DType.F8_E4M3, outputs, inputs, blocks);
        this.turned = training ? Quantised.allocateTurned(run, NAME, DType.F8_E4M3, outputs, inputs, blocks) : null;
    }

    /** [outputs, inputs]. @param version of the trained weights */
    Quantised rows(long version, Pass pass) {
        bringUpToDate(version, pass);
        return rows;
    }

    /** [inputs, outputs]. */
    Quantised turned(long version, Pass pass) {
        bringUpToDate(version, pass);
        return turned;
    }

    private void bringUpToDate(long version, Pass pass) {
        long wanted = weight.isTrained() ? version : 0;
        if (made != wanted) {
            try (Arena.Frame scratch = pass.scratch().open(NAME)) {
                scaling.quantise(weight.value(), rows, turned, scratch, pass);
            }
            made = wanted;
        }
    }
}
