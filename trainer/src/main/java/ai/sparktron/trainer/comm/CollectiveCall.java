package ai.sparktron.trainer.comm;

import ai.sparktron.trainer.tensor.DType;

/**
 * What one rank says it is doing, to be compared with what the others say.
 *
 * @param kind      which operation
 * @param sequence  number of the call in its group, from 0; collectives and messages of each pair are counted apart
 * @param reduction of reductions, otherwise null
 * @param dtype     of the tensors, null where there are none
 * @param elements  of the whole call; 0 where ranks may differ
 * @param root      of a broadcast, otherwise 0
 */
public record CollectiveCall(Kind kind, long sequence, Reduction reduction, DType dtype, long elements, int root) {

    /** The operations. */
    public enum Kind {
        ALL_REDUCE("allReduce"), REDUCE_SCATTER("reduceScatter"), ALL_GATHER("allGather"), BROADCAST("broadcast"), ALL_TO_ALL("allToAll"),
        BARRIER("barrier"), ALL_GATHER_BYTES("allGather of bytes"), MESSAGE("send/receive");

        private final String label;

        Kind(String label) {
            this.label = label;
        }
    }

    /** For reports: {@code allReduce #7 of 5 F32 (SUM)}. */
    public String describe() {
        StringBuilder text = new StringBuilder(kind.label).append(" #").append(sequence);
        if (dtype != null) {
            text.append(" of ");
            if (kind != Kind.ALL_TO_ALL) {
                text.append(elements).append(' ');
            }
            text.append(dtype);
        }
        if (reduction != null) {
            text.append(" (").append(reduction).append(')');
        }
        if (kind == Kind.BROADCAST) {
            text.append(" from ").append(root);
        }
        return text.toString();
    }

    /** The error of two ranks of a group that do different things. */
    public static CollectiveMismatchException mismatch(String group, int rank, CollectiveCall call, int otherRank, CollectiveCall other) {
        return new CollectiveMismatchException("group " + group + ": rank " + rank + " called " + call.describe() + " but rank " + otherRank
                + " called " + other.describe() + "; all members must make the same calls in the same order with equal sizes and types");
    }
}
