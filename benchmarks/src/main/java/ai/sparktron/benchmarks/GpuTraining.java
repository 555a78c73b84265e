package ai.sparktron.benchmarks;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.cuda.CudaEngine;
import ai.sparktron.trainer.kernels.cuda.DeviceMemory;
import ai.sparktron.trainer.train.metrics.StepMetrics;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A training run on one GPU as users make it, from shards to the optimizer's step, on random tokens: tokens per second, utilisation and peak memory of the steps after
 * the first ones. {@code peer/bench_torch.py} does the same with PyTorch.
 *
 * <p>{@code GpuTraining MODEL SEQUENCE ROWS [document=TOKENS] [warm=N] [steps=N] [--option value ...]}: MODEL a folder of {@code models/}, ROWS a micro-batch, which is
 * the whole step. Of the memory are printed the arenas' peaks, all blocks that the engine has, what the pool of small blocks keeps, and all that the device lost, which
 * has the code of kernels and libraries too.
 */
public final class GpuTraining {

    private static final double H100_PEAK = 989.5e12;
    private static final double GIB = 1 << 30;

    private GpuTraining() {
    }

    public static void main(String[] arguments) throws Exception {
        GpuRun run = GpuRun.of(arguments);
        Figures figures = new Figures();
        run.run(figures::watch, figures);
        figures.print(run);
    }

    /** Times between reports of steps, which are made when the device has finished one. */
    private static final class Figures extends GpuRun.Listener {
        private final List<Long> reported = new ArrayList<>();
        private DeviceMemory memory;
        private long freeAtStart;
        private long leastFree = Long.MAX_VALUE;
        private long blockBytes;
        private long pooledBytes;
        private StepMetrics last;

        Engine watch(CudaEngine opened) {
            memory = (DeviceMemory) opened.memory();
            freeAtStart = opened.freeBytes();
            return opened;
        }

        @Override
        void begin(long step) {
            // Only reports are timed.
        }

        @Override
        public void step(StepMetrics metrics) {
            last = metrics;
            leastFree = Math.min(leastFree, memory.freeBytes());
            blockBytes = memory.openBytes();
            pooledBytes = memory.pooledBytes();
            reported.add(System.nanoTime());
        }

        void print(GpuRun run) {
            // Reports are late by as many steps as the host is ahead of the device, so that single ones say little.
            int timed = reported.size() - run.warm();
            double seconds = (reported.get(reported.size() - 1) - reported.get(run.warm() - 1)) * 1e-9 / timed;
            double tokens = (double) run.sequence() * run.rows();
            System.out.printf(Locale.ROOT, "{\"ours\": \"%s\", \"seq\": %d, \"mb\": %d, \"document\": %d, \"options\": \"%s\", \"ms\": %.1f, \"tok_s\": %.0f,"
                    + " \"mfu\": %.4f, \"arenas_gib\": %.2f, \"blocks_gib\": %.2f, \"pool_gib\": %.2f, \"device_gib\": %.2f, \"loss\": %.4f, \"phases\": \"%s\"}%n",
                    run.model().getFileName(), run.sequence(), run.rows(), run.document(), String.join(" ", run.words()), seconds * 1e3, tokens / seconds,
                    tokens / seconds * last.flopsPerToken() / H100_PEAK, last.memoryBytes() / GIB, blockBytes / GIB, pooledBytes / GIB, (freeAtStart - leastFree) / GIB,
                    last.losses().get("loss"), last.phases());
        }
    }
}
