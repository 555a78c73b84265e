package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.tensor.Tensor;
import java.util.List;

/**
 * What the head is to do with the log-probabilities of trained tokens.
 *
 * @param sum       float32 [1] that the scaled losses of tokens are added to; null where none are asked for
 * @param objective asked instead; null = losses of tokens are summed
 * @param further   asked of the layers that predict tokens further on, the nearest first; empty where they are not trained
 */
record LossRequest(Tensor sum, SequenceObjective objective, List<Further> further) {

    /**
     * What one of these layers learns.
     *
     * @param batch what it sees and is to predict, with the factors on its losses
     * @param sum   float32 [1] that its scaled losses are added to
     */
    record Further(TokenBatch batch, Tensor sum) {
    }

    LossRequest {
        further = List.copyOf(further);
    }

    LossRequest(Tensor sum, SequenceObjective objective) {
        this(sum, objective, List.of());
    }
}
