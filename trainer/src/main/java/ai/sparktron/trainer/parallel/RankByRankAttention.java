package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.seam.AttentionCore.Operands;
import ai.sparktron.trainer.seam.DealtLayout;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Own queries meet the keys of one rank after the other, in as many steps as there are ranks, their own first; what each set of keys gives is joined by log-sum-exps. Shares
 * are float32 and rounded once, when all are there, so that results are as exact as one rank's.
 *
 * <p>Of the keys of an earlier rank the head chunk alone is seen, by all queries; those of a later rank are all seen, by the tail chunk alone. In both cases every key
 * lies before every query, so that half of a step's products are needed and none of those is masked. At most one document has tokens on both sides.
 */
final class RankByRankAttention {

    private final Communicator group;
    private final Remembered<List<Meeting>> meetings = new Remembered<>();

    /** @param group the ranks that share the tokens, in order */
    RankByRankAttention(Communicator group) {
        this.group = group;
    }

    /** How keys and values come here. */
    interface Keys {

        /** All keys and values of a step's {@link #owner}; steps are asked for in their order, each once. */
        KeyValues at(int step);
    }

    /** How shares of the gradients of keys and values get to their owners. */
    interface Shares {

        /** Float32 room for those of a step. Only rows that meet own queries are written. */
        KeyValues room(int step);

        /** A step's are there; here they may stay. @param meeting what met, which may be nothing */
        default void made(int step, Meeting meeting) {
        }
    }

    /**
     * The rows of own queries and of some rank's keys that belong to a document of both.
     *
     * @param firstQuery first own row that sees any of these keys
     * @param queries    documents of the rows from there on that do
     * @param firstKey   first row of the keys that is seen
     * @param keys       documents of the rows from there on that are
     */
    record Meeting(int firstQuery, TokenLayout queries, int firstKey, TokenLayout keys) {

        /** Of own rows from one on and a rank's rows up to one, all of which come before. */
        private static Meeting between(TokenLayout own, int fromQuery, TokenLayout theirs, int keyEnd) {
            int[] queryDocuments = own.hostDocuments();
            int[] keyDocuments = theirs.hostDocuments();
            int query = fromQuery;
            int key = 0;
            while (query < own.tokens() && key < keyEnd && queryDocuments[query] != keyDocuments[key]) {
                if (queryDocuments[query] < keyDocuments[key]) {
                    query++;
                } else {
                    key++;
                }
            }
            int queries = query < own.tokens() && key < keyEnd ? sameDocument(queryDocuments, query, own.tokens()) : 0;
            int keys = queries > 0 ? sameDocument(keyDocuments, key, keyEnd) : 0;
            return new Meeting(query, own.rows(query, queries), key, theirs.rows(key, keys));
        }

        private static int sameDocument(int[] documents, int from, int end) {
            int to = from;
            while (to < end && documents[to] == documents[from]) {
                to++;
            }
            return to - from;
        }

        boolean isEmpty() {
            return queries.tokens() == 0;
        }

        Tensor queryRows(Tensor tensor) {
            return tensor.rows(firstQuery, queries.tokens());
        }

        KeyValues keyRows(KeyValues all) {
            return all.rows(firstKey, keys.tokens());
        }
    }

    /** The rank whose keys a step is about. */
    int owner(int step) {
        return Math.floorMod(group.rank() - step, group.size());
    }

    /** By step. */
    private List<Meeting> meetings(DealtLayout layout) {
        TokenLayout own = layout.parts().get(group.rank());
        List<Meeting> found = new ArrayList<>();
        found.add(new Meeting(0, own, 0, own));
        for (int step = 1; step < group.size(); step++) {
            TokenLayout theirs = layout.parts().get(owner(step));
            found.add(owner(step) < group.rank() ? Meeting.between(own, 0, theirs, theirs.tokens() / 2) : Meeting.between(own, own.tokens() / 2, theirs, theirs.tokens()));
        }
        return found;
    }

    /** As {@link ai.sparktron.trainer.seam.AttentionCore#forward}. @param frame for scratch */
    void forward(Kernels kernels, Arena.Frame frame, Operands in, Keys keys, Tensor out, Tensor logSumExp) {
        Tensor sums = logSumExp != null ? logSumExp : frame.tensor("log_sum_exp", DType.F32, out.rows(), in.shape().heads());
        Tensor joined = out.dtype() == DType.F32 ? out : frame.tensor("out.joined", DType.F32, out.rows(), out.columns());
        Tensor part = frame.tensor("out.part", DType.F32, out.rows(), out.columns());
        Tensor partSums = frame.tensor("log_sum_exp.part", DType.F32, out.rows(), in.shape().heads());
        for (int step = 0; step < group.size(); step++) {
            KeyValues all = keys.at(step);
            Meeting meeting = meetings.of(in.dealt(), this::meetings).get(step);
            if (meeting.isEmpty()) {
                continue;
            }
            KeyValues seen = meeting.keyRows(all);
            Tensor result = meeting.queryRows(step == 0 ? joined : part);
            Tensor resultSums = meeting.queryRows(step == 0 ? sums : partSums);
            kernels.attention(meeting.queryRows(in.q()), seen.k(), seen.v(), in.shape(), meeting.queries(), meeting.keys(), result, resultSums);
            if (step > 0) {
                kernels.mergeAttention(result, resultSums, meeting.queryRows(joined), meeting.queryRows(sums));
            }
        }
        if (joined != out) {
            kernels.copy(joined, out);
        }
    }

    /** As {@link ai.sparktron.trainer.seam.AttentionCore#backward}, of the queries' gradient dq; those of keys and values go to {@code shares}. */
    void backward(Kernels kernels, Arena.Frame frame, Operands in, Keys keys, Tensor dOut, Tensor out, Tensor logSumExp, Tensor dq, Shares shares) {
        Tensor total = frame.tensor("query.grad", DType.F32, dq.rows(), dq.columns());
        Tensor share = frame.tensor("query.grad.share", DType.F32, dq.rows(), dq.columns());
        for (int step = 0; step < group.size(); step++) {
            KeyValues all = keys.at(step);
            Meeting meeting = meetings.of(in.dealt(), this::meetings).get(step);
            if (!meeting.isEmpty()) {
                KeyValues seen = meeting.keyRows(all);
                KeyValues room = meeting.keyRows(shares.room(step));
                Tensor result = meeting.queryRows(step == 0 ? total : share);
                kernels.attentionGrad(meeting.queryRows(dOut), meeting.queryRows(in.q()), seen.k(), seen.v(), meeting.queryRows(out), meeting.queryRows(logSumExp),
                        in.shape(), meeting.queries(), meeting.keys(), result, room.k(), room.v(), Write.OVERWRITE);
                if (step > 0) {
                    kernels.addScaled(1, result, meeting.queryRows(total));
                }
            }
            shares.made(step, meeting);
        }
        kernels.copy(total, dq);
    }
}
