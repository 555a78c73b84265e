package ai.sparktron.pipeline.spark;

import java.io.Serializable;
import java.util.Arrays;
import java.util.List;

/** Puts the selections of several sources into one order: a function from (source, position in it) to positions in the whole. */
sealed interface Mixture extends Serializable {

    long size();

    /** Gives every position of the whole that a source's position has. */
    void positions(int source, long position, PositionTaker taker);

    /** Takes positions of the whole. */
    interface PositionTaker {
        void take(long position);
    }

    /** One source behind the other. */
    record Concatenated(long[] starts) implements Mixture {
        static Concatenated of(long[] sizes) {
            long[] starts = new long[sizes.length + 1];
            for (int i = 0; i < sizes.length; i++) {
                starts[i + 1] = starts[i] + sizes[i];
            }
            return new Concatenated(starts);
        }

        @Override
        public long size() {
            return starts[starts.length - 1];
        }

        @Override
        public void positions(int source, long position, PositionTaker taker) {
            taker.take(starts[source] + position);
        }
    }

    /**
     * Sources drawn one row at a time by probability ({@code interleave_prob}). The draws are made once on the driver and travel as one byte
     * each; {@code marks} holds, every {@link #BLOCK} draws, how many rows each source has given, so that a task finds the k-th draw of a source.
     */
    record Interleaved(byte[] draws, int[][] marks, long[] sizes) implements Mixture {

        private static final int BLOCK = 1024;
        private static final int MOST_DRAWS = 1 << 30;

        /**
         * @param sizes         rows of each source
         * @param probabilities one per source, sum 1
         */
        static Interleaved of(long[] sizes, List<Double> probabilities, StoppingStrategy strategy, long seed) {
            byte[] draws = new byte[1 << 16];
            int count = 0;
            long[] given = new long[sizes.length];
            boolean[] exhausted = new boolean[sizes.length];
            int left = strategy == StoppingStrategy.FIRST_EXHAUSTED ? 1 : sizes.length;
            long state = seed;
            while (left > 0) {
                state += 0x9E3779B97F4A7C15L;
                int source = pick(probabilities, unit(state));
                if (count == draws.length) {
                    if (count >= MOST_DRAWS) {
                        throw new DatasetException("interleaving would give more than " + MOST_DRAWS + " rows: sample the datasets with #N, or use "
                                + "stopping_strategy first_exhausted");
                    }
                    draws = Arrays.copyOf(draws, 2 * count);
                }
                draws[count++] = (byte) source;
                given[source]++;
                if (given[source] == sizes[source] && !exhausted[source]) {
                    exhausted[source] = true;
                    left--;
                }
            }
            byte[] all = Arrays.copyOf(draws, count);
            return new Interleaved(all, marks(all, sizes.length), sizes.clone());
        }

        private static int pick(List<Double> probabilities, double unit) {
            double sum = 0;
            int last = 0;
            for (int source = 0; source < probabilities.size(); source++) {
                sum += probabilities.get(source);
                if (probabilities.get(source) > 0) {
                    if (unit < sum) {
                        return source;
                    }
                    last = source;
                }
            }
            return last;
        }

        /** SplitMix64's output function; 53 bits to [0, 1). */
        private static double unit(long state) {
            long z = (state ^ (state >>> 30)) * 0xBF58476D1CE4E5B9L;
            z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
            return ((z ^ (z >>> 31)) >>> 11) * 0x1.0p-53;
        }

        private static int[][] marks(byte[] draws, int sources) {
            int[][] marks = new int[sources][draws.length / BLOCK + 1];
            int[] given = new int[sources];
            for (int i = 0; i < draws.length; i++) {
                if (i % BLOCK == 0) {
                    for (int source = 0; source < sources; source++) {
                        marks[source][i / BLOCK] = given[source];
                    }
                }
                given[draws[i]]++;
            }
            if (draws.length % BLOCK == 0) {
                for (int source = 0; source < sources; source++) {
                    marks[source][draws.length / BLOCK] = given[source];
                }
            }
            return marks;
        }

        @Override
        public long size() {
            return draws.length;
        }

        @Override
        public void positions(int source, long position, PositionTaker taker) {
            for (long draw = position; ; draw += sizes[source]) {
                long at = find(source, draw);
                if (at < 0) {
                    return;
                }
                taker.take(at);
            }
        }

        /** Where a source's draw number {@code draw} stands, or -1 when it was never made. */
        private long find(int source, long draw) {
            int[] counts = marks[source];
            int low = 0;
            int high = counts.length - 1;
            while (low < high) {
                int middle = (low + high + 1) >>> 1;
                if (counts[middle] <= draw) {
                    low = middle;
                } else {
                    high = middle - 1;
                }
            }
            long given = counts[low];
            for (int i = low * BLOCK; i < draws.length; i++) {
                if (draws[i] == source && given++ == draw) {
                    return i;
                }
            }
            return -1;
        }
    }
}
