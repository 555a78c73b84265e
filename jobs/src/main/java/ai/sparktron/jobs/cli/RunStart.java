package ai.sparktron.jobs.cli;

import ai.sparktron.trainer.checkpoint.RunDirectory;
import ai.sparktron.trainer.config.ArgsFile;
import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.data.TrainingLength;
import ai.sparktron.trainer.train.RunPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;

/**
 * A run that may begin: its directory is made, its options are written there.
 *
 * @param plan  what all ranks do
 * @param steps optimizer steps
 */
record RunStart(RunPlan plan, long steps) {

    static RunStart of(Options options, RunFolders folders, TrainingShards data, Console console) throws IOException {
        long steps = options.training().trainIters().orElseGet(() -> TrainingLength.trainIters(data.rows(), options.training().globalBatchSize(),
                options.training().maxEpochs().orElseThrow()));
        Path runDirectory = RunDirectory.create(options.derived().save(), options.checkpoint().addVersion(), LocalDateTime.now());
        String args = ArgsFile.toPublicJson(options);
        Files.writeString(runDirectory.resolve(ArgsFile.NAME), args);
        console.out().println("run directory: " + runDirectory);
        return new RunStart(new RunPlan(options, folders.model().toString(), folders.tokenizer().toString(), data.train(), data.validation(),
                runDirectory.toString(), args), steps);
    }

    /** A run that could not save is refused before anything is prepared. */
    static void requireWritable(Path save) {
        try {
            Files.createDirectories(save);
            Files.delete(Files.createTempFile(save, ".sparktron", ".probe"));
        } catch (IOException e) {
            throw new ConfigurationException("--save " + save.toAbsolutePath() + " cannot be written: " + e + "; name a directory that can be");
        }
    }
}
