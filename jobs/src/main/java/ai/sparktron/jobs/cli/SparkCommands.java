package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.barrier.ExitCode;
import ai.sparktron.pipeline.spark.PreparedData;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.train.RunResult;
import java.io.IOException;
import org.apache.spark.sql.SparkSession;

/** Commands that run on Spark. A session that was there before is left open; one of our own is stopped. */
final class SparkCommands {

    private SparkCommands() {
    }

    static ExitCode run(Options options, Console console) throws IOException, InterruptedException {
        // What can be refused is refused before the seconds that a session takes.
        RunFolders folders = options.command().trains() ? RunFolders.ofTraining(options) : RunFolders.ofPreparation(options);
        boolean guest = Sessions.contextExists();
        SparkSession session = Sessions.open(options);
        try {
            if (options.command().trains()) {
                RunResult result = new Training(options, folders, session, console).run(new RunConsole(console));
                console.out().println(RunSummary.of(result));
            } else {
                PreparedData data = new DataPreparation(options, folders, session, console).forLater();
                console.out().println("shards: " + data.trainDirectory() + "; train with --cached_dataset " + options.prepare().outputDir().orElseThrow());
            }
            return ExitCode.OK;
        } finally {
            if (!guest) {
                session.stop();
            }
        }
    }
}
