package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.tensor.Tensor;

/**
 * What the head is to do with the log-probabilities of trained tokens.
 *
 * @param sum       float32 [1] that the scaled losses of tokens are added to; null where none are asked for
 * @param objective asked instead; null = losses of tokens are summed
 */
record LossRequest(Tensor sum, SequenceObjective objective) {
}
