package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Fp8Kernels;
import ai.sparktron.trainer.kernels.Quantised;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/** How an operand of a linear gets its scales. */
interface Fp8Scaling {

    /** By its own largest magnitude. */
    Fp8Scaling OWN = (x, rows, turned, scratch, pass) -> {
        Tensor largest = scratch.tensor("fp8.largest", DType.F32, 1);
        Fp8Kernels kernels = pass.kernels().fp8();
        kernels.largest(x, largest, Write.OVERWRITE);
        kernels.quantise(x, largest, rows, turned, null);
    };

    /** Block by block. */
    Fp8Scaling BLOCKS = (x, rows, turned, scratch, pass) -> pass.kernels().fp8().quantiseBlocks(x, rows, turned);

    /**
     * Quantises an operand.
     *
     * @param rows    takes x; null = not wanted
     * @param turned  takes its transpose; null = not wanted
     * @param scratch lives while this runs, or longer
     */
    void quantise(Tensor x, Quantised rows, Quantised turned, Arena.Frame scratch, Pass pass);
}
