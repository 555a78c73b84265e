package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Transfer;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.parallel.RankByRankAttention.Meeting;
import ai.sparktron.trainer.seam.AttentionCore;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Keys and values go round the ranks while each computes with those that are there (arXiv 2310.01889; {@code cp_comm_type p2p}). In backward the gradients of keys and
 * values go round with them, one step behind, in float32, and arrive where the keys came from.
 */
final class RingAttention implements AttentionCore {

    private static final String FRAME = "ring_attention";

    private final Communicator group;
    private final RankByRankAttention attention;

    RingAttention(Communicator group) {
        this.group = group;
        this.attention = new RankByRankAttention(group);
    }

    /** Keys and values, or their gradients, that go round: those that are here, and room for those that come. */
    private final class Circulating implements RankByRankAttention.Keys {
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
            received = group.receive(coming.joined(), attention.owner(1));
        }

        /** What set off last has left, and what the rank before sent is here. */
        void arrive() {
            sent.await();
            received.await();
            KeyValues gone = here;
            here = coming;
            coming = gone;
        }

        /** They are on their way on while this step computes with them. */
        @Override
        public KeyValues at(int step) {
            if (step > 0) {
                arrive();
            }
            if (step + 1 < group.size()) {
                depart();
            }
            return here;
        }
    }

    private Circulating keys(Kernels kernels, Arena.Frame frame, Operands in) {
        Circulating keys = new Circulating(frame, "keys", in.k().dtype(), in);
        keys.here.fill(kernels, in.k(), in.v());
        return keys;
    }

    @Override
    public void forward(Kernels kernels, Arena scratch, Operands in, Tensor out, Tensor logSumExp) {
        try (Arena.Frame frame = scratch.open(FRAME)) {
            attention.forward(kernels, frame, in, keys(kernels, frame, in), out, logSumExp);
        }
    }

    /** Own shares begin a total, which goes round; each rank adds its shares to the total of the keys that are there. */
    private record Totals(Kernels kernels, Circulating totals, KeyValues share) implements RankByRankAttention.Shares {

        @Override
        public KeyValues room(int step) {
            return step == 0 ? totals.here : share;
        }

        @Override
        public void made(int step, Meeting meeting) {
            if (step > 0) {
                totals.arrive();
                if (!meeting.isEmpty()) {
                    kernels.addScaled(1, meeting.keyRows(share).joined(), meeting.keyRows(totals.here).joined());
                }
            }
            totals.depart();
        }
    }

    @Override
    public void backward(Kernels kernels, Arena scratch, Operands in, Tensor dOut, Tensor out, Tensor logSumExp, Operands gradients) {
        try (Arena.Frame frame = scratch.open(FRAME)) {
            Circulating keys = keys(kernels, frame, in);
            Circulating totals = new Circulating(frame, "keys.grad", DType.F32, in);
            KeyValues share = KeyValues.allocate(frame, "keys.grad.share", DType.F32, in.k().rows(), in.shape());
            attention.backward(kernels, frame, in, keys, dOut, out, logSumExp, gradients.q(), new Totals(kernels, totals, share));
            totals.arrive();
            totals.here.give(kernels, gradients.k(), gradients.v());
        }
    }
}
