package ai.sparktron.trainer.parallel.schedule;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What one stage does in a step, in order.
 *
 * <p>Each receive is begun one computation before the one that needs it, or two where stages have several chunks, so that messages travel beside work, and so that
 * also senders that wait for their receivers find them ready.
 *
 * @param pipeline     the stages
 * @param stage        this one, from 0
 * @param microBatches of the step
 * @param actions      in order
 */
public record Schedule(Pipeline pipeline, int stage, int microBatches, List<Action> actions) {

    public Schedule {
        actions = List.copyOf(actions);
        if (stage < 0 || stage >= pipeline.stages()) {
            throw new IllegalArgumentException("stage " + stage + " of " + pipeline.stages());
        }
    }

    /**
     * Forward and backward of all micro-batches: one forward, one backward (arXiv 2104.04473, figure 3), or interleaved where stages have several chunks (figure 4).
     *
     * @throws IllegalArgumentException when so many micro-batches cannot be interleaved; names the options
     */
    public static Schedule training(Pipeline pipeline, int stage, int microBatches) {
        pipeline.requireTrainable(microBatches);
        return new Schedule(pipeline, stage, microBatches, withMessages(pipeline, stage, Computations.training(pipeline, stage, microBatches)));
    }

    /** Forward alone. */
    public static Schedule evaluation(Pipeline pipeline, int stage, int microBatches) {
        return new Schedule(pipeline, stage, microBatches, withMessages(pipeline, stage, Computations.forwards(pipeline, microBatches)));
    }

    /** Every stage's list of a training step. */
    public static List<Schedule> trainingOfAll(Pipeline pipeline, int microBatches) {
        List<Schedule> all = new ArrayList<>();
        for (int stage = 0; stage < pipeline.stages(); stage++) {
            all.add(training(pipeline, stage, microBatches));
        }
        return List.copyOf(all);
    }

    private static List<Action> withMessages(Pipeline pipeline, int stage, List<Action> computations) {
        List<Action> actions = new ArrayList<>();
        Messages messages = new Messages(pipeline, stage, actions);
        int ahead = pipeline.chunks() == 1 ? 1 : 2;
        int begun = 0;
        Set<Action> done = new HashSet<>();
        for (int i = 0; i < computations.size(); i++) {
            for (; begun <= Math.min(i + ahead, computations.size() - 1) && hasItsForwardBehind(computations.get(begun), done); begun++) {
                messages.receiveFor(computations.get(begun));
            }
            actions.add(computations.get(i));
            done.add(computations.get(i));
            messages.sendOf(computations.get(i));
        }
        return actions;
    }

    /** A gradient is received into the memory of its pass, which begins with forward: with a single micro-batch that is the computation just before. */
    private static boolean hasItsForwardBehind(Action computation, Set<Action> done) {
        return computation instanceof Action.Forward || done.contains(new Action.Forward(computation.microBatch(), computation.chunk()));
    }

    /** Adds what a computation needs of other stages, and what it owes them. */
    private record Messages(Pipeline pipeline, int stage, List<Action> actions) {

        void receiveFor(Action computation) {
            int batch = computation.microBatch();
            int chunk = computation.chunk();
            if (computation instanceof Action.Forward && !pipeline.isFirst(stage, chunk)) {
                actions.add(new Action.ReceiveForward(batch, chunk, pipeline.stageBefore(stage)));
            } else if (computation instanceof Action.Backward && !pipeline.isLast(stage, chunk)) {
                actions.add(new Action.ReceiveBackward(batch, chunk, pipeline.stageBehind(stage)));
            }
        }

        void sendOf(Action computation) {
            int batch = computation.microBatch();
            int chunk = computation.chunk();
            if (computation instanceof Action.Forward && !pipeline.isLast(stage, chunk)) {
                actions.add(new Action.SendForward(batch, chunk, pipeline.stageBehind(stage)));
            } else if (computation instanceof Action.Backward && !pipeline.isFirst(stage, chunk)) {
                actions.add(new Action.SendBackward(batch, chunk, pipeline.stageBefore(stage)));
            }
        }
    }

    /** Largest number of passes through chunks that hold memory at a time: from the receipt of the input, or forward, to the end of backward. */
    public int passesInFlight() {
        int now = 0;
        int most = 0;
        for (Action action : actions) {
            boolean first = pipeline.isFirst(stage, action.chunk());
            if (action instanceof Action.ReceiveForward || action instanceof Action.Forward && first) {
                most = Math.max(most, ++now);
            } else if (action instanceof Action.Backward) {
                now--;
            }
        }
        return most;
    }
}
