package ai.sparktron.trainer.comm;

import ai.sparktron.trainer.tensor.Tensor;
import java.util.List;

/**
 * One group of ranks that work on tensors together.
 *
 * <p>Every member makes the same collective calls in the same order with the same sizes and types; a difference is reported, naming both calls,
 * instead of mixing data ({@link CollectiveMismatchException}). Calls come from the rank's one device thread. Device implementations enqueue them in
 * order on the device's stream; host implementations return when the tensors are done. Tensors are contiguous.
 *
 * <p>A call that waits longer than the collective deadline throws {@link CollectiveTimeoutException} with the group, the call, its number and the ranks
 * that are late, and aborts the world. After an abort every call throws {@link CommunicatorAbortedException}.
 */
public interface Communicator extends AutoCloseable {

    /** Name of the group, for reports. */
    String name();

    /** Place of this rank in the group, from 0. */
    int rank();

    /** Number of members. */
    int size();

    /** World ranks of the members, by place in the group. */
    List<Integer> ranks();

    /** Reduces elementwise over all members into the same tensor on all of them. On hosts in rank order, BF16 and F16 accumulated in float32 and rounded once; on
     * devices in the order and precision of their library, the same on all members. */
    void allReduce(Tensor tensor, Reduction reduction);

    /**
     * Reduces {@code input} elementwise over all members and leaves the r-th of {@link #size()} equal parts with member r.
     *
     * @param input  {@code size * output.elements()} elements, unchanged
     * @param output may be this member's own part of {@code input}
     */
    void reduceScatter(Tensor input, Tensor output, Reduction reduction);

    /**
     * Concatenates the members' inputs in rank order.
     *
     * @param input  may be this member's own part of {@code output}
     * @param output {@code size * input.elements()} elements
     */
    void allGather(Tensor input, Tensor output);

    /** Copies the root's tensor over all others. */
    void broadcast(Tensor tensor, int root);

    /**
     * Sends the r-th of {@link #size()} equal parts of {@code input} to member r and collects what they send in rank order.
     *
     * @param input  not overlapping {@code output}
     */
    default void allToAll(Tensor input, Tensor output) {
        long[] counts = new long[size()];
        if (input.elements() % size() != 0) {
            throw new IllegalArgumentException("allToAll of " + input + " in group " + name() + ": " + input.elements()
                    + " elements are no multiple of the group's " + size() + " ranks");
        }
        java.util.Arrays.fill(counts, input.elements() / size());
        allToAll(input, counts, output, counts);
    }

    /**
     * Sends {@code sendCounts[r]} elements, taken from {@code input} in rank order without gaps, to member r, and collects
     * {@code receiveCounts[r]} elements of each member r in rank order in {@code output}.
     *
     * @param sendCounts    one per member; member r's {@code receiveCounts} must say the same of this rank
     * @param receiveCounts one per member; their sum is at most {@code output.elements()}
     */
    void allToAll(Tensor input, long[] sendCounts, Tensor output, long[] receiveCounts);

    /** Starts sending to a member and returns at once. Messages between two members arrive in the order of sending. */
    Transfer send(Tensor tensor, int peer);

    /** Starts receiving the next message of a member, of the size and type of the tensor, and returns at once. */
    Transfer receive(Tensor tensor, int peer);

    /** Returns when all members have called it. */
    void barrier();

    /**
     * Every member's bytes, in rank order, on every member; lengths may differ. Over the hosts, waiting for no device: for set-up, checkpoints and a few
     * numbers of a step.
     */
    List<byte[]> allGather(byte[] value);

    /** Ends the whole world; see {@link World#abort}. */
    void abort(Throwable cause);

    /** Gives back what the group holds. Waits for nobody. */
    @Override
    void close();
}
