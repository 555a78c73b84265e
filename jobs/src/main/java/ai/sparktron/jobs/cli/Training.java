package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.barrier.BarrierRun;
import ai.sparktron.jobs.barrier.BarrierSettings;
import ai.sparktron.jobs.barrier.RunObserver;
import ai.sparktron.trainer.config.ClusterOptions;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.train.RunResult;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;

/** {@code pt}, {@code sft} and {@code rlhf}: data prepared or found, then one trainer per rank in a barrier job. */
final class Training {

    private final Options options;
    private final RunFolders folders;
    private final SparkSession session;
    private final Console console;

    Training(Options options, RunFolders folders, SparkSession session, Console console) {
        this.options = options;
        this.folders = folders;
        this.session = session;
        this.console = console;
    }

    /** Runs to the last save. */
    RunResult run(RunObserver observer) throws IOException, InterruptedException {
        RunStart.requireWritable(options.derived().save());
        JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.sparkContext());
        BarrierSettings settings = settings(options, BarrierSettings.from(spark.getConf()));
        int ranks = options.derived().numRanks();
        new BarrierRun(spark, settings, ranks, environment -> null, observer).requireSlots();
        TrainingShards data = new DataPreparation(options, folders, session, console).forTraining();
        RunStart start = RunStart.of(options, folders, data, console);
        RemoteShards shards = new RemoteShards(spark.hadoopConfiguration(), "sparktron-shards-" + UUID.randomUUID());
        BarrierRun run = new BarrierRun(spark, settings, ranks, new TrainerRank(start.plan(), shards, start.steps()), observer);
        String result = run.run("sparktron " + options.command().word() + " " + folders.model().getFileName(), Optional.empty());
        return new ObjectMapper().readValue(result, RunResult.class);
    }

    /** Times and limits: options that were given, else Spark's settings. */
    static BarrierSettings settings(Options options, BarrierSettings spark) {
        ClusterOptions cluster = options.cluster();
        boolean collective = cluster.collectiveTimeout().isPresent() || options.given("ddp_timeout") || options.given("distributed_timeout_minutes");
        return new BarrierSettings(
                options.given("start_timeout") ? seconds(cluster.startTimeout()) : spark.startTimeout(),
                options.given("heartbeat_interval") ? seconds(cluster.heartbeatInterval()) : spark.heartbeatInterval(),
                options.given("heartbeat_timeout") ? seconds(cluster.heartbeatTimeout()) : spark.heartbeatTimeout(),
                collective ? seconds(options.derived().collectiveTimeoutSeconds()) : spark.collectiveTimeout(),
                options.given("abort_grace") ? seconds(cluster.abortGrace()) : spark.abortGrace(),
                options.given("max_restarts") ? cluster.maxRestarts() : spark.maxRestarts(),
                spark.restartPause(),
                options.given("restart_fresh_jvm") ? cluster.restartFreshJvm() : spark.freshJvm(),
                spark.controlChannel(),
                options.given("shared_gpu") ? cluster.sharedGpu() : spark.sharedGpu());
    }

    private static Duration seconds(double seconds) {
        return Duration.ofMillis(Math.max(1, Math.round(seconds * 1000)));
    }
}
