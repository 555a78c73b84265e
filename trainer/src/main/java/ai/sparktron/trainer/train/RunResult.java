package ai.sparktron.trainer.train;

import java.io.Serializable;

/**
 * How a run ended.
 *
 * @param iterations     steps done
 * @param consumedSamples samples taken
 * @param loss           training loss of the last report
 * @param evaluationLoss loss of the last evaluation, NaN when there was none
 * @param checkpoint     directory of the last save, in Hugging Face layout
 * @param seconds        wall time of this attempt's training
 * @param tokens         tokens of this attempt, over all ranks
 * @param memory         of this rank
 */
public record RunResult(long iterations, long consumedSamples, double loss, double evaluationLoss, String checkpoint, double seconds, long tokens, PeakMemory memory)
        implements Serializable {
}
