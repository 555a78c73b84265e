package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.barrier.AttemptAbortedException;
import ai.sparktron.jobs.barrier.Progress;
import ai.sparktron.jobs.barrier.RankEnvironment;
import ai.sparktron.trainer.checkpoint.SavedCheckpoint;
import ai.sparktron.trainer.train.RunListener;
import ai.sparktron.trainer.train.metrics.StepMetrics;
import java.util.LinkedHashMap;
import java.util.Map;

/** What a trainer says of itself, passed on to the driver with the next heartbeat; and the driver's wish to stop, passed on to the trainer. */
final class RankReport implements RunListener {

    private final RankEnvironment environment;
    private final long steps;
    private Map<String, Double> figures = Map.of();

    RankReport(RankEnvironment environment, long steps) {
        this.environment = environment;
        this.steps = steps;
    }

    @Override
    public void line(String text) {
        environment.log(text);
    }

    @Override
    public void phase(long iteration, String phase) {
        if (environment.stopRequested()) {
            throw new AttemptAbortedException("the driver ended this attempt before step " + iteration);
        }
        if (phase.equals(COMMITTING)) {
            environment.checkMayCommit();
        }
        boolean training = phase.equals("training");
        environment.progress(new Progress(training ? iteration - 1 : iteration, steps, training ? "step" : phase, figures));
    }

    @Override
    public void step(StepMetrics metrics) {
        Map<String, Double> shown = new LinkedHashMap<>(metrics.losses());
        shown.put("tokens/s", metrics.tokensPerSecond());
        figures = shown;
    }

    @Override
    public void saved(SavedCheckpoint checkpoint) {
        environment.committed(checkpoint.manifest().iteration(), checkpoint.directory().toString());
    }

    /** The run is over: the last step is reported, so that the return is not taken for an early one. */
    void done() {
        environment.progress(new Progress(steps, steps, "done", figures));
    }
}
