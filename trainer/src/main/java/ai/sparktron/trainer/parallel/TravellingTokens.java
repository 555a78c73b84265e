package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.comm.BackgroundCollectives;
import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Transfer;
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
 * Each slot's row goes to the ranks that hold its expert, and what comes of it comes back: two all-to-alls. Rows leave sorted by expert, arrive sorted by rank and
 * then expert, and are put in the order of experts. Where several ranks hold parts of an expert, each gets the row, and what they send back is added.
 *
 * <p>How many rows go where is read back from the device once a layer and pass: all ranks' sorts are gathered in one small exchange.
 *
 * @param block       ranks that hold all experts together: member r holds experts of part r / (members / expertParts)
 * @param expertParts parts that the experts are dealt into
 * @param background  collectives of the same ranks beside the device thread's work, by which rows go out; null = nothing is done meanwhile
 */
record TravellingTokens(Communicator block, int expertParts, BackgroundCollectives background) implements TokenDispatcher {

    @Override
    public Dispatch dispatch(Tensor ids, int experts, Engine engine, Arena scratch, Arena.Frame keep) {
        Journey journey = new Journey(ids, experts, keep, engine, scratch);
        engine.kernels().experts().sortByExpert(ids, 0, journey.sorted, journey.slots, journey.tokens, journey.placeOf);
        journey.plan(keep);
        return journey;
    }

    /** Rows of one layer and micro-batch. */
    private final class Journey implements Dispatch {
        private final Engine engine;
        private final Kernels kernels;
        private final Arena scratch;
        private final int experts;
        private final int copies = block.size() / expertParts;
        private final Tensor sorted;
        private final Tensor slots;
        private final Tensor tokens;
        private final Tensor placeOf;
        /** Rows that leave: to each part of the experts in order, to each rank that holds it a copy. */
        private final int[] leaving = new int[expertParts];
        private final long[] sent = new long[block.size()];
        private final long[] received = new long[block.size()];
        private int arriving;
        private Tensor leavingSlots;
        private Tensor leavingTokens;
        private Tensor offsets;
        /** Of each place the row as it arrived, and the other way round. */
        private Tensor arrivedAt;
        private Tensor placedAt;

        private Journey(Tensor ids, int experts, Arena.Frame keep, Engine engine, Arena scratch) {
            this.engine = engine;
            this.kernels = engine.kernels();
            this.scratch = scratch;
            this.experts = experts;
            this.sorted = keep.tensor("expert.sorted", DType.I32, experts + 1L);
            this.slots = keep.tensor("expert.slots", DType.I32, ids.elements());
            this.tokens = keep.tensor("expert.tokens", DType.I32, ids.elements());
            this.placeOf = keep.tensor("expert.places", DType.I32, ids.rows(), ids.columns());
        }

        private void plan(Arena.Frame keep) {
            int[][] starts = new int[block.size()][];
            try (Arena.Frame frame = scratch.open("expert.counts")) {
                Tensor all = frame.tensor("expert.starts", DType.I32, (long) block.size() * (experts + 1));
                block.allGather(sorted, all);
                int[] flat = engine.computes() ? HostIntegers.read(engine, all) : even(starts.length);
                for (int r = 0; r < starts.length; r++) {
                    starts[r] = Arrays.copyOfRange(flat, r * (experts + 1), (r + 1) * (experts + 1));
                }
            }
            int[] own = starts[block.rank()];
            int here = experts / expertParts;
            int first = block.rank() / copies * here;
            for (int r = 0; r < block.size(); r++) {
                int part = r / copies;
                leaving[part] = own[(part + 1) * here] - own[part * here];
                sent[r] = leaving[part];
                received[r] = starts[r][first + here] - starts[r][first];
            }
            arriving = (int) Arrays.stream(received).sum();
            offsets = keep.tensor("expert.offsets", DType.I32, here + 1L);
            arrivedAt = keep.tensor("expert.arrived", DType.I32, Math.max(1, arriving));
            placedAt = keep.tensor("expert.placed", DType.I32, Math.max(1, arriving));
            order(starts, first, here);
            leavingSlots = copied(slots, keep);
            leavingTokens = copied(tokens, keep);
        }

        /** Starts as they are where all experts get as many rows of each rank. */
        private int[] even(int ranks) {
            int[] flat = new int[ranks * (experts + 1)];
            Arrays.setAll(flat, i -> Math.toIntExact(slots.elements() * (i % (experts + 1)) / experts));
            return flat;
        }

        /** Rows of an expert come together, those of the first rank first. */
        private void order(int[][] starts, int first, int here) {
            int[] offset = new int[here + 1];
            int[] arrived = new int[Math.max(1, arriving)];
            int[] placed = new int[Math.max(1, arriving)];
            int[] base = new int[block.size()];
            for (int r = 1; r < base.length; r++) {
                base[r] = base[r - 1] + (int) received[r - 1];
            }
            int place = 0;
            for (int e = 0; e < here; e++) {
                for (int r = 0; r < base.length; r++) {
                    for (int row = starts[r][first + e]; row < starts[r][first + e + 1]; row++) {
                        int at = base[r] + row - starts[r][first];
                        arrived[place] = at;
                        placed[at] = place++;
                    }
                }
                offset[e + 1] = place;
            }
            HostIntegers.write(engine, offsets, offset);
            HostIntegers.write(engine, arrivedAt, arrived);
            HostIntegers.write(engine, placedAt, placed);
        }

        private int kept() {
            return Arrays.stream(leaving).sum();
        }

        /** Of sorted places those that leave, each part's once for each rank that holds it. */
        private Tensor copied(Tensor ofPlaces, Arena.Frame keep) {
            if (copies == 1) {
                return ofPlaces;
            }
            Tensor all = keep.tensor(ofPlaces.name() + ".copies", DType.I32, Math.max(1, (long) copies * kept()));
            forEachCopy((from, count, to) -> kernels.copy(ofPlaces.rows(from, count), all.rows(to, count)));
            return all;
        }

        private interface Copy {
            void at(long from, long count, long to);
        }

        private void forEachCopy(Copy copy) {
            long from = 0;
            long to = 0;
            for (int count : leaving) {
                for (int c = 0; count > 0 && c < copies; c++, to += count) {
                    copy.at(from, count, to);
                }
                from += count;
            }
        }

        @Override
        public long places() {
            return Math.max(1, arriving);
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
            out(all, leavingTokens, rows, null);
        }

        @Override
        public boolean workMayGoOn() {
            return background != null;
        }

        @Override
        public void rows(Tensor all, Tensor rows, Runnable meanwhile) {
            out(all, leavingTokens, rows, meanwhile);
        }

        @Override
        public void factors(Tensor weights, Tensor factors) {
            out(weights.reshape(Shape.of(weights.elements(), 1)), leavingSlots, factors.reshape(Shape.of(factors.elements(), 1)), null);
        }

        /** rows [N, D] = rows of a table on all ranks, picked there by what leaves. */
        private void out(Tensor table, Tensor picked, Tensor rows, Runnable meanwhileOrNull) {
            long leavingRows = (long) copies * kept();
            try (Arena.Frame frame = scratch.open("expert.out")) {
                Tensor departure = frame.tensor("leaving", table.dtype(), Math.max(1, leavingRows), table.columns());
                if (leavingRows > 0) {
                    kernels.embedding(picked.rows(0, leavingRows), table, 0, departure.rows(0, leavingRows));
                }
                Tensor arrival = frame.tensor("arriving", table.dtype(), rows.rows(), rows.columns());
                exchange(departure, elements(sent, rows), arrival, elements(received, rows), meanwhileOrNull);
                if (arriving > 0) {
                    kernels.embedding(arrivedAt, arrival, 0, rows);
                }
            }
        }

        /** What is done meanwhile takes its memory behind that of the rows under way, and has given it back when they have arrived. */
        private void exchange(Tensor departure, long[] leave, Tensor arrival, long[] arrive, Runnable meanwhileOrNull) {
            if (meanwhileOrNull == null || background == null) {
                block.allToAll(departure, leave, arrival, arrive);
                if (meanwhileOrNull != null) {
                    meanwhileOrNull.run();
                }
                return;
            }
            Transfer underWay = background.allToAll(departure, leave, arrival, arrive);
            meanwhileOrNull.run();
            underWay.await();
        }

        @Override
        public void sums(Tensor rows, Tensor all, Write write) {
            try (Arena.Frame frame = scratch.open("expert.sums")) {
                kernels.experts().sumRows(back(rows, frame), placeOf, all, write);
            }
        }

        @Override
        public void factorsGrad(Tensor dFactors, Tensor dWeights) {
            try (Arena.Frame frame = scratch.open("expert.factors")) {
                kernels.embedding(placeOf.reshape(Shape.of(placeOf.elements())), back(dFactors.reshape(Shape.of(dFactors.elements(), 1)), frame), 0,
                        dWeights.reshape(Shape.of(dWeights.elements(), 1)));
            }
        }

        /** Rows of this rank's sorted places, of what is given for each place at the experts. */
        private Tensor back(Tensor rows, Arena.Frame frame) {
            Tensor departure = frame.tensor("returning", rows.dtype(), rows.rows(), rows.columns());
            if (arriving > 0) {
                kernels.embedding(placedAt, rows, 0, departure);
            }
            Tensor arrival = frame.tensor("returned", rows.dtype(), Math.max(1, (long) copies * kept()), rows.columns());
            block.allToAll(departure, elements(received, rows), arrival, elements(sent, rows));
            if (copies == 1) {
                return arrival;
            }
            Tensor added = frame.tensor("returned.sum", rows.dtype(), Math.max(1, kept()), rows.columns());
            boolean[] begun = new boolean[Math.max(1, kept())];
            forEachCopy((from, count, to) -> {
                Tensor sum = added.rows(from, count);
                if (begun[(int) from]) {
                    kernels.add(sum, arrival.rows(to, count), sum);
                } else {
                    kernels.copy(arrival.rows(to, count), sum);
                }
                begun[(int) from] = true;
            });
            return added;
        }

        private long[] elements(long[] rowCounts, Tensor like) {
            return Arrays.stream(rowCounts).map(count -> count * like.columns()).toArray();
        }
    }
}
