package ai.sparktron.trainer.comm;

import ai.sparktron.trainer.tensor.Tensor;

/** Background collectives that are a group's own calls, each started in a way of its kind. */
public abstract class GroupCollectives implements BackgroundCollectives {

    private final Communicator group;

    /** @param group nobody else calls it */
    protected GroupCollectives(Communicator group) {
        this.group = group;
    }

    /** Starts a call of the group's. */
    protected abstract Transfer start(Runnable call);

    @Override
    public final Transfer allReduce(Tensor tensor, Reduction reduction) {
        return start(() -> group.allReduce(tensor, reduction));
    }

    @Override
    public final Transfer reduceScatter(Tensor input, Tensor output, Reduction reduction) {
        return start(() -> group.reduceScatter(input, output, reduction));
    }

    @Override
    public final Transfer allGather(Tensor input, Tensor output) {
        return start(() -> group.allGather(input, output));
    }

    @Override
    public final Transfer allToAll(Tensor input, long[] sendCounts, Tensor output, long[] receiveCounts) {
        return start(() -> group.allToAll(input, sendCounts, output, receiveCounts));
    }
}
