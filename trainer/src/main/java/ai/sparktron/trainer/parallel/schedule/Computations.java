package ai.sparktron.trainer.parallel.schedule;

import java.util.ArrayList;
import java.util.List;

/** Forwards and backwards of a stage in their order, without messages. */
final class Computations {

    private Computations() {
    }

    /** Some forwards to fill the pipeline, then one forward and one backward in turn, then the backwards that are left. */
    static List<Action> training(Pipeline pipeline, int stage, int microBatches) {
        List<Action> forwards = forwards(pipeline, microBatches);
        List<Action> backwards = backwards(pipeline, microBatches);
        int ahead = Math.min(forwards.size(), forwardsAhead(pipeline, stage));
        List<Action> order = new ArrayList<>(forwards.subList(0, ahead));
        for (int i = 0; i < backwards.size(); i++) {
            if (ahead + i < forwards.size()) {
                order.add(forwards.get(ahead + i));
            }
            order.add(backwards.get(i));
        }
        return order;
    }

    /**
     * Forwards before the first backward and its forward. A stage of one chunk has one for each stage behind it. Of several chunks, all groups but the last chunk's
     * go ahead, and two for each stage behind: a gradient then comes when the stage is ready for it.
     */
    private static int forwardsAhead(Pipeline pipeline, int stage) {
        int behind = pipeline.stages() - 1 - stage;
        return pipeline.chunks() == 1 ? behind : 2 * behind + (pipeline.chunks() - 1) * pipeline.group();
    }

    /** Groups of micro-batches one after the other, each through all chunks before the next. */
    static List<Action> forwards(Pipeline pipeline, int microBatches) {
        List<Action> order = new ArrayList<>();
        for (int from = 0; from < microBatches; from += pipeline.group()) {
            for (int chunk = 0; chunk < pipeline.chunks(); chunk++) {
                for (int batch = from; batch < Math.min(microBatches, from + pipeline.group()); batch++) {
                    order.add(new Action.Forward(batch, chunk));
                }
            }
        }
        return order;
    }

    private static List<Action> backwards(Pipeline pipeline, int microBatches) {
        List<Action> order = new ArrayList<>();
        for (Action forward : forwards(pipeline, microBatches)) {
            order.add(new Action.Backward(forward.microBatch(), pipeline.chunks() - 1 - forward.chunk()));
        }
        return order;
    }
}
