package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Transfer;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.seam.AttentionCore;
import ai.sparktron.trainer.seam.DealtLayout;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Keys and values go round the ranks while each computes with those that are there (arXiv 2310.01889; {@code cp_comm_type p2p}): results of each set of keys are joined by
 * their log-sum-exps. In backward the gradients of keys and values go round with them, one step behind, in float32, and arrive where the keys came from.
 *
 * <p>Of the keys of an earlier rank the head chunk alone is seen, by all queries; those of a later rank are all seen, by the tail chunk alone. In both cases every key
 * of a document lies before every query, so that half of a step's products are needed and none of those is masked.
 */
final class RingAttention implements AttentionCore {

    private static final String FRAME = "ring_attention";

    private final Communicator group;
    private final Remembered<List<Meeting>> meetings = new Remembered<>();

    RingAttention(Communicator group) {
        this.group = group;
    }

    /**
     * What own queries and some rank's keys have to do with each other.
     *
     * @param firstQuery first own row that sees any of these keys
     * @param queries    documents of the rows from there on
     * @param keys       documents of the keys that are seen, the first ones
     * @param isEmpty    whether no document is in both
     */
    private record Meeting(int firstQuery, TokenLayout queries, TokenLayout keys, boolean isEmpty) {

        Tensor queryRows(Tensor tensor) {
            return tensor.rows(firstQuery, queries.tokens());
        }

        KeyValues keyRows(KeyValues all) {
            return all.rows(0, keys.tokens());
        }
    }

    /** The rank whose keys are here after some steps. */
    private int owner(int step) {
        return Math.floorMod(group.rank() - step, group.size());
    }

    /** By step. */
    private List<Meeting> meetings(DealtLayout layout) {
        TokenLayout own = layout.parts().get(group.rank());
        int half = own.tokens() / 2;
        List<Meeting> found = new ArrayList<>();
        found.add(new Meeting(0, own, own, false));
        for (int step = 1; step < group.size(); step++) {
            boolean earlier = owner(step) < group.rank();
            TokenLayout theirs = layout.parts().get(owner(step));
            TokenLayout queries = earlier ? own : own.rows(half, half);
            TokenLayout keys = earlier ? theirs.rows(0, half) : theirs;
            found.add(new Meeting(earlier ? 0 : half, queries, keys, !haveCommonDocument(queries, keys)));
        }
        return found;
    }

    private static boolean haveCommonDocument(TokenLayout a, TokenLayout b) {
        int i = 0;
        int j = 0;
        while (i + 1 < a.starts().length && j + 1 < b.starts().length) {
            int difference = Integer.compare(a.hostDocuments()[a.starts()[i]], b.hostDocuments()[b.starts()[j]]);
            if (difference == 0) {
                return true;
            }
            i += difference < 0 ? 1 : 0;
            j += difference > 0 ? 1 : 0;
        }
        return false;
    }

    /** Keys and values, or their gradients, that go round: those that are here, and room for those that come. */
    private final class Circulating {
        private KeyValues here;
        private KeyValues coming;
        private Transfer sent;
        private Transfer received;

        Circulating(Arena.Frame frame, String name, DType dtype, Operands in) {
            here = KeyValues.allocate(frame, name + ".here", dtype, in.k().rows(), in.shape());
            coming = KeyValues.allocate(frame, name + ".coming", dtype, in.k().rows(), in.shape());
        }

        /** What is here sets off to the next rank; it must be left as it is until {@link #arrive}. */
        void depart() {
            sent = group.send(here.joined(), (group.rank() + 1) % group.size());
            received = group.receive(coming.joined(), owner(1));
        }

        /** What set off last has left, and what the rank before sent is here. */
        void arrive() {
            sent.await();
            received.await();
            KeyValues gone = here;
            here = coming;
            coming = gone;
        }
    }

    @Override
    public void forward(Kernels kernels, Arena scratch, Operands in, Tensor out, Tensor logSumExp) {
        try (Arena.Frame frame = scratch.open(FRAME)) {
            Circulating keys = new Circulating(frame, "keys", in.k().dtype(), in);
            keys.here.fill(kernels, in.k(), in.v());
            Tensor sums = logSumExp != null ? logSumExp : frame.tensor("log_sum_exp", DType.F32, out.rows(), in.shape().heads());
            Tensor part = frame.tensor("out.part", out.dtype(), out.rows(), out.columns());
            Tensor partSums = frame.tensor("log_sum_exp.part", DType.F32, out.rows(), in.shape().heads());
            Tensor joined = out.dtype() == DType.F32 ? out : frame.tensor("out.joined", DType.F32, out.rows(), out.columns());
            for (int step = 0; step < group.size(); step++) {
                if (step > 0) {
                    keys.arrive();
                }
                if (step + 1 < group.size()) {
                    keys.depart();
                }
                Meeting meeting = meetings.of(in.dealt(), this::meetings).get(step);
                if (meeting.isEmpty()) {
                    continue;
                }
                KeyValues seen = meeting.keyRows(keys.here);
                kernels.attention(meeting.queryRows(in.q()), seen.k(), seen.v(), in.shape(), meeting.queries(), meeting.keys(), meeting.queryRows(part),
                        meeting.queryRows(step == 0 ? sums : partSums));
                if (step == 0) {
                    kernels.copy(part, joined);
                } else {
                    kernels.mergeAttention(meeting.queryRows(part), meeting.queryRows(partSums), meeting.queryRows(joined), meeting.queryRows(sums));
                }
            }
            if (joined != out) {
                kernels.copy(joined, out);
            }
        }
    }

    @Override
    public void backward(Kernels kernels, Arena scratch, Operands in, Tensor dOut, Tensor out, Tensor logSumExp, Operands gradients) {
        try (Arena.Frame frame = scratch.open(FRAME)) {
            Circulating keys = new Circulating(frame, "keys", in.k().dtype(), in);
            Circulating totals = new Circulating(frame, "keys.grad", DType.F32, in);
            KeyValues keyShare = KeyValues.allocate(frame, "keys.grad.share", in.k().dtype(), in.k().rows(), in.shape());
            Tensor queryShare = frame.tensor("query.grad.share", in.q().dtype(), in.q().rows(), in.q().columns());
            Tensor queryTotal = frame.tensor("query.grad", DType.F32, in.q().rows(), in.q().columns());
            keys.here.fill(kernels, in.k(), in.v());
            kernels.fill(totals.here.joined(), 0);
            kernels.fill(queryTotal, 0);
            for (int step = 0; step < group.size(); step++) {
                if (step > 0) {
                    keys.arrive();
                }
                if (step + 1 < group.size()) {
                    keys.depart();
                }
                Meeting meeting = meetings.of(in.dealt(), this::meetings).get(step);
                KeyValues seen = meeting.keyRows(keys.here);
                KeyValues share = meeting.keyRows(keyShare);
                if (!meeting.isEmpty()) {
                    kernels.attentionGrad(meeting.queryRows(dOut), meeting.queryRows(in.q()), seen.k(), seen.v(), meeting.queryRows(out), meeting.queryRows(logSumExp),
                            in.shape(), meeting.queries(), meeting.keys(), meeting.queryRows(queryShare), share.k(), share.v(), Write.OVERWRITE);
                    kernels.addScaled(1, meeting.queryRows(queryShare), meeting.queryRows(queryTotal));
                }
                if (step > 0) {
                    totals.arrive();
                }
                if (!meeting.isEmpty()) {
                    kernels.addScaled(1, share.joined(), meeting.keyRows(totals.here).joined());
                }
                totals.depart();
            }
            totals.arrive();
            totals.here.give(kernels, gradients.k(), gradients.v());
            kernels.copy(queryTotal, gradients.q());
        }
    }
}
