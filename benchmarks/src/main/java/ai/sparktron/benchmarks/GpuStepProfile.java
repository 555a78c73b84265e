package ai.sparktron.benchmarks;

import ai.sparktron.trainer.train.metrics.StepMetrics;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Where the time of a step of {@link GpuTraining} goes: the same run, on whose last step the GPU marks the end of each kernel. Everything is as in training: the first
 * products of the step write gradients, later ones add, and norm, clipping and update come after.
 *
 * <p>{@code GpuStepProfile MODEL SEQUENCE ROWS [warm=N] [--option value ...]}: arguments of {@link GpuTraining}, those of the optimizer's states too.
 */
public final class GpuStepProfile {

    private GpuStepProfile() {
    }

    public static void main(String[] arguments) throws Exception {
        GpuRun run = GpuRun.of(arguments);
        GpuRun once = new GpuRun(run.model(), run.sequence(), run.rows(), run.document(), run.warm() + 4, 1, run.words());
        KernelLedger ledger = new KernelLedger();
        Steps steps = new Steps(once.warm() + once.steps(), ledger);
        once.run(ledger::over, steps);
        System.out.printf(Locale.ROOT, "%s %d x %d %s: %.1f ms a step%n", run.model().getFileName(), run.sequence(), run.rows(),
                String.join(" ", run.words()), steps.milliseconds());
        ledger.print();
    }

    /** Times steps, and has the last one's kernels counted. */
    private static final class Steps extends GpuRun.Listener {
        private final long last;
        private final KernelLedger ledger;
        private final List<Long> reported = new ArrayList<>();

        Steps(long last, KernelLedger ledger) {
            this.last = last;
            this.ledger = ledger;
        }

        @Override
        void begin(long step) {
            if (step == last) {
                ledger.start();
            }
        }

        @Override
        public void step(StepMetrics metrics) {
            reported.add(System.nanoTime());
            if (metrics.iteration() == last) {
                ledger.end();
            }
        }

        /** Mean of four steps: single reports are late by what the host is ahead, and the last steps' by the marks. */
        double milliseconds() {
            int end = reported.size() - 3;
            return (reported.get(end) - reported.get(end - 4)) * 1e-6 / 4;
        }
    }
}
