package ai.sparktron.jobs.cli;

import ai.sparktron.trainer.checkpoint.SavedCheckpoint;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.data.ShardFiles;
import ai.sparktron.trainer.train.RankContext;
import ai.sparktron.trainer.train.RunListener;
import ai.sparktron.trainer.train.RunPlan;
import ai.sparktron.trainer.train.RunResult;
import ai.sparktron.trainer.train.TrainRun;

/**
 * One trainer of {@link HostTraining}.
 *
 * @param plan what to do
 */
record HostTrainer(RunPlan plan) implements HostTask<RunResult> {

    private static final long serialVersionUID = 1L;

    @Override
    public Options options() {
        return plan.options();
    }

    @Override
    public String rankName() {
        return "trainer";
    }

    @Override
    public RunResult run(HostPlace place) {
        RankContext context = new RankContext(place.world(), Engines.worlds(options()), ShardFiles.LOCAL, Engines.of(options()), place.device(), place.attempt(), false,
                new Lines(place));
        return new TrainRun(plan, context).run();
    }

    /** Lines of steps are the trainer's own; nobody watches phases: a rank that is late is found by the limit of its collectives. */
    private record Lines(HostPlace place) implements RunListener {

        @Override
        public void line(String text) {
            place.line(text);
        }

        @Override
        public void saved(SavedCheckpoint checkpoint) {
            place.console().accept("checkpoint of step " + checkpoint.manifest().iteration() + ": " + checkpoint.directory());
        }
    }
}
