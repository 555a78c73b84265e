package ai.sparktron.trainer.config;

import java.util.Optional;

/** Trainers on Spark: how many, and how failures are met. Also settable as {@code --conf spark.sparktron.NAME=VALUE}. */
@Concern(title = "Cluster", commands = {Command.PT, Command.SFT, Command.RLHF, Command.PREPARE, Command.INFER, Command.VERIFY, Command.PLAN})
public record ClusterOptions(
        @Option(doc = "Spark master: local[N], spark://host:port, yarn, k8s://...; absent: spark-submit's, else local.") Optional<String> master,
        @Option(range = "[1,)", alias = {"nproc", "num_gpus"}, doc = "Trainers, one per GPU or core; absent: as many as the parallel sizes need.") Optional<Integer> numRanks,
        @Option(value = "3", range = "[0,)", doc = "Restarts from the newest checkpoint after a lost trainer; counted anew after each save.") int maxRestarts,
        @Option(value = "300", range = "(0,)", doc = "Seconds to wait until all trainers have started.") double startTimeout,
        @Option(value = "1", range = "(0,)", doc = "Seconds between signs of life of a trainer.") double heartbeatInterval,
        @Option(value = "60", range = "(0,)", doc = "Seconds of silence after which a trainer is taken for lost.") double heartbeatTimeout,
        @Option(range = "(0,)", doc = "Limit of one collective in seconds; absent: 600.") Optional<Double> collectiveTimeout,
        @Option(value = "10", range = "(0,)", doc = "Seconds a trainer has to leave by itself when a run is aborted.") double abortGrace,
        @Option(value = "true", doc = "Restart in fresh executor JVMs; a failed one may hold a broken device.") boolean restartFreshJvm,
        @Option(value = "false", doc = "Several trainers may have the same GPU: to try a grid on one GPU, never for speed.") boolean sharedGpu) {
}
