package ai.sparktron.trainer.comm;

import ai.sparktron.trainer.tensor.Tensor;

/**
 * Collectives of one group that run beside the device thread's work, one after the other in the order of starting, which is the same on all members. Called by
 * the device thread. Tensors of a call must be left alone until its {@link Transfer#await()} has returned; what was enqueued before the call comes before it.
 */
public interface BackgroundCollectives extends AutoCloseable {

    /** Starts a {@link Communicator#allReduce}. */
    Transfer allReduce(Tensor tensor, Reduction reduction);

    /** Starts a {@link Communicator#reduceScatter}. */
    Transfer reduceScatter(Tensor input, Tensor output, Reduction reduction);

    /** Starts a {@link Communicator#allGather}. */
    Transfer allGather(Tensor input, Tensor output);

    /** Starts a {@link Communicator#allToAll(Tensor, long[], Tensor, long[])}. */
    Transfer allToAll(Tensor input, long[] sendCounts, Tensor output, long[] receiveCounts);

    /** Waits for nobody. */
    @Override
    void close();
}
