package ai.sparktron.trainer.checkpoint;

import java.nio.file.Path;

/**
 * A committed checkpoint.
 *
 * @param directory the Hugging Face directory {@code checkpoint-N}
 * @param manifest  what its training state holds
 */
public record SavedCheckpoint(Path directory, CheckpointManifest manifest) {

    /** Where the state files lie. */
    public Path stateDirectory() {
        return directory.resolve(stateDirectoryName(manifest.iteration()));
    }

    /** Megatron's name of an iteration's directory. */
    static String stateDirectoryName(long iteration) {
        return String.format("iter_%07d", iteration);
    }
}
