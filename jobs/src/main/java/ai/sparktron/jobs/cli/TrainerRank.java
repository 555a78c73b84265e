package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.barrier.PermanentFailureException;
import ai.sparktron.jobs.barrier.RankEnvironment;
import ai.sparktron.jobs.barrier.RankProgram;
import ai.sparktron.trainer.checkpoint.CheckpointException;
import ai.sparktron.trainer.kernels.EngineFactory;
import ai.sparktron.trainer.train.RankContext;
import ai.sparktron.trainer.train.RunPlan;
import ai.sparktron.trainer.train.RunResult;
import ai.sparktron.trainer.train.TrainRun;
import ai.sparktron.trainer.train.TrainingException;
import com.fasterxml.jackson.databind.ObjectMapper;

/**
 * One trainer in one task of the barrier job. Later attempts go on from the newest checkpoint of the run directory.
 *
 * @param plan what to do
 * @param files fetches remote shards
 * @param steps optimizer steps of the run
 */
record TrainerRank(RunPlan plan, RemoteShards files, long steps) implements RankProgram {

    private static final long serialVersionUID = 1L;

    @Override
    public String run(RankEnvironment environment) throws Exception {
        EngineFactory engines = Engines.of(plan.options());
        RankReport report = new RankReport(environment, steps);
        RankContext context = new RankContext(environment.world(), Engines.worlds(plan.options()), files, engines, environment.device(),
                environment.attemptId(), environment.attempt() > 1, report);
        try {
            RunResult result = new TrainRun(plan, context).run();
            report.done();
            return new ObjectMapper().writeValueAsString(result);
        } catch (TrainingException e) {
            throw new PermanentFailureException(e.getMessage(), e);
        } catch (CheckpointException e) {
            if (e.mayPass()) {
                throw e;
            }
            throw new PermanentFailureException(e.getMessage(), e);
        }
    }
}
