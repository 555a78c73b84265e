package ai.sparktron.benchmarks;

import ai.sparktron.packing.bin.BestFitPacker;
import ai.sparktron.packing.bin.RowPlan;
import ai.sparktron.packing.bin.SequentialPacker;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A million sample lengths (log-normal, median 400 tokens) into rows: ours over the whole input, next fit, and the rule of Megatron-SWIFT (best fit
 * within windows of 1,000 samples, the last row of a window carried into the next) in Java.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class PackingBenchmark {

    @Param({"2048", "8192", "32768"})
    int capacity;

    private int[] lengths;

    @Setup
    public void prepare() {
        draw();
        printFill();
    }

    private void draw() {
        Random random = new Random(1);
        lengths = new int[1_000_000];
        for (int sample = 0; sample < lengths.length; sample++) {
            lengths[sample] = (int) Math.max(1, Math.min(capacity, Math.round(400 * Math.exp(0.9 * random.nextGaussian()))));
        }
    }

    /** Shares of the rows' room that hold tokens: the other half of the comparison. */
    private void printFill() {
        long tokens = Arrays.stream(lengths).asLongStream().sum();
        System.out.printf(Locale.ROOT, "# fill at %d: best fit %.4f %%, next fit %.4f %%, peer %.4f %%%n", capacity, 100 * bestFit().fill(),
                100 * nextFit().fill(), 100.0 * tokens / ((double) peerWindows() * capacity));
    }

    @Benchmark
    public RowPlan bestFit() {
        return new BestFitPacker().pack(lengths, capacity);
    }

    @Benchmark
    public RowPlan nextFit() {
        return new SequentialPacker().pack(lengths, capacity);
    }

    @Benchmark
    public long peerWindows() {
        long rows = 0;
        int[] carried = new int[0];
        for (int start = 0; start < lengths.length; start += 1000) {
            int end = Math.min(lengths.length, start + 1000);
            int[] window = Arrays.copyOf(carried, carried.length + end - start);
            System.arraycopy(lengths, start, window, carried.length, end - start);
            int[][] packed = plainBestFit(window);
            boolean last = end == lengths.length;
            rows += last ? packed.length : packed.length - 1;
            carried = last ? new int[0] : packed[packed.length - 1];
        }
        return rows;
    }

    /** Longest first, a search over all open rows for each. */
    private int[][] plainBestFit(int[] window) {
        int[] sorted = window.clone();
        Arrays.sort(sorted);
        int[][] rows = new int[sorted.length][];
        int[] free = new int[sorted.length];
        int[] counts = new int[sorted.length];
        int open = 0;
        for (int place = sorted.length - 1; place >= 0; place--) {
            int best = -1;
            for (int row = 0; row < open; row++) {
                if (free[row] >= sorted[place] && (best < 0 || free[row] < free[best])) {
                    best = row;
                }
            }
            if (best < 0) {
                best = open++;
                free[best] = capacity;
                rows[best] = new int[4];
            }
            free[best] -= sorted[place];
            if (counts[best] == rows[best].length) {
                rows[best] = Arrays.copyOf(rows[best], 2 * counts[best]);
            }
            rows[best][counts[best]++] = sorted[place];
        }
        int[][] packed = Arrays.copyOf(rows, open);
        packed[open - 1] = Arrays.copyOf(packed[open - 1], counts[open - 1]);
        return packed;
    }
}
