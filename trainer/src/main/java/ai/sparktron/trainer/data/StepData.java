package ai.sparktron.trainer.data;

import java.util.List;

/**
 * What one rank trains on in one step.
 *
 * @param microBatches this rank's micro-batches, in order
 * @param cursor       where the data stands after the step: what a checkpoint after it holds
 */
public record StepData(List<MicroBatch> microBatches, DataCursor cursor) {

    public StepData {
        microBatches = List.copyOf(microBatches);
    }
}
