package ai.sparktron.trainer.optimizer;

import ai.sparktron.trainer.kernels.StoredNumbers;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.Map;

/**
 * Updates a range of the flat parameter buffer in place from the same range of the flat gradient. The range is the whole buffer, or this rank's share of
 * it under the distributed optimizer; the state covers that range alone.
 */
public interface Optimizer {

    /**
     * One update.
     *
     * @param learningRate rate of this step
     * @param factor       float32 [1] on the engine that the gradient is multiplied by; where it is not finite, nothing changes but {@link #steps}
     */
    void step(float learningRate, Tensor factor);

    /** Updates done so far; the number that bias correction uses. */
    long steps();

    /** State by Megatron's names ({@code exp_avg}, {@code exp_avg_sq}, {@code momentum_buffer}), a number for each element of the range. Written by a resume. */
    Map<String, StoredNumbers> state();

    /** Continues from a restored state. */
    void restore(long steps);
}
