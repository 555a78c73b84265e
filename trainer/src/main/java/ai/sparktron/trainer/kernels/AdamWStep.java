package ai.sparktron.trainer.kernels;

/**
 * Scalars of one AdamW update (arXiv 1711.05101): decoupled weight decay, bias correction by the step number.
 *
 * @param learningRate rate of this step
 * @param beta1        decay of the first moment
 * @param beta2        decay of the second moment
 * @param epsilon      added to the root of the second moment
 * @param weightDecay  decay of this range of parameters; 0 for biases and norms
 * @param step         number of this update, from 1
 */
public record AdamWStep(float learningRate, float beta1, float beta2, float epsilon, float weightDecay, long step) {
}
