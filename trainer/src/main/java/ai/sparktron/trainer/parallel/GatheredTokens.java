package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.seam.TokenDispatcher;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.Arrays;

/**
 * Every rank gets the tokens of all and takes those of its experts; what comes of them is summed over the ranks on the way back: an all-gather and a
 * reduce-scatter. More travels than in {@link TravellingTokens}, in fewer and more regular calls. Ranks may hold different numbers of tokens: all are padded to
 * the largest.
 *
 * @param block       ranks that hold all experts together: member r holds experts of part r / (members / expertParts)
 * @param expertParts parts that the experts are dealt into
 */
record GatheredTokens(Communicator block, int expertParts) implements TokenDispatcher {

    private static final int DROPPED = -1;

    @Override
    public Dispatch dispatch(Tensor ids, int experts, Engine engine, Arena scratch, Arena.Frame keep) {
        Kernels kernels = engine.kernels();
        long most = mostTokens(ids.rows(), engine, scratch);
        long all = most * block.size();
        int here = experts / expertParts;
        Tensor offsets = keep.tensor("expert.offsets", DType.I32, here + 1L);
        Tensor slots = keep.tensor("expert.slots", DType.I32, all * ids.columns());
        Tensor tokens = keep.tensor("expert.tokens", DType.I32, all * ids.columns());
        Tensor placeOf = keep.tensor("expert.places", DType.I32, all, ids.columns());
        try (Arena.Frame frame = scratch.open("expert.ids")) {
            Tensor padded = frame.tensor("expert.ids", DType.I32, most, ids.columns());
            kernels.fill(padded, DROPPED);
            kernels.copy(ids, padded.rows(0, ids.rows()));
            Tensor gathered = frame.tensor("expert.ids.all", DType.I32, all, ids.columns());
            block.allGather(padded, gathered);
            kernels.experts().sortByExpert(gathered, block.rank() / (block.size() / expertParts) * here, offsets, slots, tokens, placeOf);
        }
        long places = engine.computes() ? HostIntegers.read(engine, offsets)[here] : slots.elements() / expertParts;
        return new Gathered(kernels, scratch, most, Math.max(1, places), offsets, slots, tokens, placeOf);
    }

    private long mostTokens(long own, Engine engine, Arena scratch) {
        try (Arena.Frame frame = scratch.open("expert.tokens")) {
            Tensor one = frame.tensor("tokens", DType.I32, 1);
            Tensor all = frame.tensor("tokens.all", DType.I32, block.size());
            HostIntegers.write(engine, one, new int[] {Math.toIntExact(own)});
            block.allGather(one, all);
            return engine.computes() ? Arrays.stream(HostIntegers.read(engine, all)).max().orElseThrow() : own;
        }
    }

    /** Tokens of one layer and micro-batch. */
    private final class Gathered implements Dispatch {
        private final Kernels kernels;
        private final Arena scratch;
        private final long most;
        private final long places;
        private final Tensor offsets;
        private final Tensor slots;
        private final Tensor tokens;
        private final Tensor placeOf;

        private Gathered(Kernels kernels, Arena scratch, long most, long places, Tensor offsets, Tensor slots, Tensor tokens, Tensor placeOf) {
            this.kernels = kernels;
            this.scratch = scratch;
            this.most = most;
            this.places = places;
            this.offsets = offsets;
            this.slots = slots.rows(0, places);
            this.tokens = tokens.rows(0, places);
            this.placeOf = placeOf;
        }

        @Override
        public long places() {
            return places;
        }

        @Override
        public Tensor offsets() {
            return offsets;
        }

        @Override
        public boolean travels() {
            return true;
        }

        @Override
        public void rows(Tensor all, Tensor rows) {
            try (Arena.Frame frame = scratch.open("expert.rows")) {
                kernels.embedding(tokens, gathered(all, frame), 0, rows);
            }
        }

        @Override
        public void factors(Tensor weights, Tensor factors) {
            try (Arena.Frame frame = scratch.open("expert.factors")) {
                Tensor all = gathered(weights, frame);
                kernels.embedding(slots, all.reshape(Shape.of(all.elements(), 1)), 0, factors.reshape(Shape.of(factors.elements(), 1)));
            }
        }

        @Override
        public void sums(Tensor rows, Tensor all, Write write) {
            try (Arena.Frame frame = scratch.open("expert.sums")) {
                Tensor partial = frame.tensor("partial", rows.dtype(), placeOf.rows(), rows.columns());
                kernels.experts().sumRows(rows, placeOf, partial, Write.OVERWRITE);
                Tensor own = own(partial, all, frame);
                if (write == Write.ACCUMULATE) {
                    kernels.add(all, own, all);
                } else {
                    kernels.copy(own, all);
                }
            }
        }

        @Override
        public void factorsGrad(Tensor dFactors, Tensor dWeights) {
            try (Arena.Frame frame = scratch.open("expert.factors")) {
                Tensor partial = frame.tensor("partial", dFactors.dtype(), placeOf.rows(), placeOf.columns());
                kernels.embedding(placeOf.reshape(Shape.of(placeOf.elements())), dFactors.reshape(Shape.of(dFactors.elements(), 1)), 0,
                        partial.reshape(Shape.of(partial.elements(), 1)));
                kernels.copy(own(partial, dWeights, frame), dWeights);
            }
        }

        /** Rows of all ranks, this one's padded with zeros. */
        private Tensor gathered(Tensor own, Arena.Frame frame) {
            Tensor sent = own;
            if (own.rows() < most || !own.isContiguous()) {
                sent = frame.tensor("padded", own.dtype(), most, own.columns());
                kernels.fill(sent, 0);
                kernels.copy(own, sent.rows(0, own.rows()));
            }
            Tensor all = frame.tensor("gathered", own.dtype(), most * block.size(), own.columns());
            block.allGather(sent, all);
            return all;
        }

        /** This rank's rows of the sum over ranks. */
        private Tensor own(Tensor partial, Tensor like, Arena.Frame frame) {
            Tensor sum = frame.tensor("sum", partial.dtype(), most, partial.columns());
            block.reduceScatter(partial, sum, Reduction.SUM);
            return sum.rows(0, like.rows());
        }
    }
}
