package ai.sparktron.jobs.cli;

import ai.sparktron.trainer.train.RunResult;
import java.util.Locale;

/** The last lines of a run. */
final class RunSummary {

    private RunSummary() {
    }

    static String of(RunResult result) {
        return String.format(Locale.ROOT, "done: %d steps, %,d tokens in %.1f s, loss %.4f%s%nmodel: %s", result.iterations(), result.tokens(), result.seconds(),
                result.loss(), Double.isNaN(result.evaluationLoss()) ? "" : String.format(Locale.ROOT, ", validation loss %.4f", result.evaluationLoss()),
                result.checkpoint());
    }
}
