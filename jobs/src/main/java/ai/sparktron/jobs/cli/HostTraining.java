package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.barrier.ExitCode;
import ai.sparktron.pipeline.spark.CachedData;
import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.Options;
import java.io.IOException;

/**
 * Training on one host without Spark, from shards that were prepared elsewhere: what the bundle for GPU hosts does. There are no restarts: {@code --load} goes on
 * from the newest checkpoint.
 */
final class HostTraining {

    private final Options options;
    private final Console console;

    HostTraining(Options options, Console console) {
        this.options = options;
        this.console = console;
    }

    /** Whether this class path has no Spark. */
    static boolean isNeeded() {
        try {
            Class.forName("org.apache.spark.sql.SparkSession", false, HostTraining.class.getClassLoader());
            return false;
        } catch (ClassNotFoundException absent) {
            return true;
        }
    }

    /** Runs to the last save. */
    ExitCode run() throws IOException, InterruptedException {
        if (!options.command().trains() || options.data().cachedDataset().isEmpty()) {
            throw new ConfigurationException("there is no Spark here to prepare rows with (org.apache.spark is not on the class path): prepare them where Spark is,"
                    + " with `prepare --output_dir DIR` and the same model and template options, bring DIR here and train with --cached_dataset DIR");
        }
        RunFolders folders = RunFolders.ofTraining(options);
        RunStart.requireWritable(options.derived().save());
        TrainingShards data = TrainingShards.named(options, folders, CachedData.onThisHost(), TrainingShards.codec(options, folders, console));
        RunStart start = RunStart.of(options, folders, data, console);
        console.out().println(RunSummary.of(new HostProcesses(console).run(new HostTrainer(start.plan()))));
        return ExitCode.OK;
    }
}
