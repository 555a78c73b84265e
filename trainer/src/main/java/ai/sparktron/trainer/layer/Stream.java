package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.tensor.Tensor;

/**
 * The residual stream between two layers: its value is residual + delta. The sum is left to the next layer, whose norm adds in the same pass over memory.
 *
 * @param residual [T, D]; never changed by who reads it, because an earlier layer's backward needs it
 * @param delta    [T, D], overwritten with the sum by who reads it; null = zero
 */
record Stream(Tensor residual, Tensor delta) {
}
