package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.barrier.BarrierRunException;
import ai.sparktron.jobs.barrier.ExitCode;
import ai.sparktron.jobs.barrier.FailureKind;
import ai.sparktron.packing.shard.ShardException;
import ai.sparktron.pipeline.hub.HubException;
import ai.sparktron.pipeline.spark.DatasetException;
import ai.sparktron.trainer.checkpoint.CheckpointException;
import ai.sparktron.trainer.comm.CommunicationException;
import ai.sparktron.trainer.kernels.cuda.CudaException;
import ai.sparktron.trainer.tensor.OutOfDeviceMemoryException;
import ai.sparktron.trainer.train.TrainingException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.NoSuchFileException;

/**
 * What an exception means to the person at the command line.
 *
 * @param code how the process ends
 * @param message what to print
 * @param unforeseen whether only the stack trace can help
 */
record Failure(ExitCode code, String message, boolean unforeseen) {

    static Failure of(Throwable thrown) {
        if (thrown instanceof BarrierRunException run) {
            // Where the message says all, the stack of a rank would bury it.
            boolean saysItAll = run.report() != null && (run.report().kind() == FailureKind.CONFIGURATION || run.report().kind() == FailureKind.PERMANENT);
            return new Failure(run.exitCode(), saysItAll ? run.report().summary() : run.getMessage(), false);
        }
        if (thrown instanceof CommandException command) {
            return known(command.code(), command);
        }
        if (thrown instanceof HubException.Unreachable || thrown instanceof CommunicationException || thrown instanceof CheckpointException
                || thrown instanceof CudaException) {
            return known(ExitCode.INFRASTRUCTURE, thrown);
        }
        if (thrown instanceof TrainingException || thrown instanceof OutOfDeviceMemoryException) {
            return known(ExitCode.TRAINING, thrown);
        }
        if (thrown instanceof IllegalArgumentException || thrown instanceof DatasetException || thrown instanceof HubException
                || thrown instanceof ShardException) {
            return new Failure(ExitCode.CONFIGURATION, thrown.getMessage() == null ? thrown.toString() : thrown.getMessage(), thrown.getMessage() == null);
        }
        if (thrown instanceof UncheckedIOException unchecked && unchecked.getCause() != null) {
            return of(unchecked.getCause());
        }
        if (thrown instanceof NoSuchFileException || thrown instanceof FileNotFoundException) {
            return new Failure(ExitCode.CONFIGURATION, "there is no such file: " + thrown.getMessage(), false);
        }
        if (thrown instanceof IOException) {
            return new Failure(ExitCode.INFRASTRUCTURE, thrown.toString(), false);
        }
        return new Failure(ExitCode.INFRASTRUCTURE, "an error that nobody foresaw: " + thrown, true);
    }

    private static Failure known(ExitCode code, Throwable thrown) {
        return new Failure(code, thrown.getMessage(), false);
    }
}
