package ai.sparktron.trainer.checkpoint;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a checkpoint holds, written last: a directory without it is not a checkpoint.
 *
 * @param format         {@link #FORMAT}
 * @param version        {@link #VERSION}
 * @param iteration      steps done
 * @param consumedSamples samples (rows) taken so far, the position in the data
 * @param optimizerSteps updates done; below {@code iteration} when steps were skipped
 * @param seed           seed of the run
 * @param worldSize      ranks that wrote it
 * @param hasOptimizer   whether the optimizer's state is there ({@code no_save_optim} false)
 * @param progress       further state of the loop (epoch, best evaluation ...), as its owner wrote it
 * @param files          state files, one per rank
 */
public record CheckpointManifest(String format, int version, long iteration, @JsonProperty("consumed_samples") long consumedSamples,
                                 @JsonProperty("optimizer_steps") long optimizerSteps, long seed, @JsonProperty("world_size") int worldSize,
                                 @JsonProperty("has_optimizer") boolean hasOptimizer, JsonNode progress, List<StateFile> files) {

    public static final String FORMAT = "sparktron.checkpoint";
    public static final int VERSION = 1;
    /** File name, in the state directory. */
    public static final String FILE_NAME = "manifest.json";

    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES);

    public CheckpointManifest {
        files = List.copyOf(files);
    }

    /**
     * One rank's file, in the safetensors format.
     *
     * @param name      file name in the state directory
     * @param sizeBytes its size
     * @param entries   its tensors
     */
    public record StateFile(String name, @JsonProperty("size_bytes") long sizeBytes, List<Entry> entries) {
        public StateFile {
            entries = List.copyOf(entries);
        }

        /**
         * Names of the tensors in the file, in the order of the entries: the key, and for further pieces of the same tensor the key with their number.
         *
         * @param keys one per entry
         */
        static List<String> tensorNames(List<String> keys) {
            Map<String, Integer> seen = new HashMap<>();
            List<String> names = new ArrayList<>();
            for (String key : keys) {
                int before = seen.merge(key, 1, Integer::sum) - 1;
                names.add(before == 0 ? key : key + "/" + before);
            }
            return names;
        }
    }

    /**
     * One tensor of a state file.
     *
     * @param state  kind of state
     * @param slice  where its elements lie in the model's tensor
     * @param crc32c checksum of its bytes
     */
    public record Entry(String state, GlobalSlice slice, long crc32c) {
    }

    /** Writes the manifest under a temporary name, syncs it and renames it. */
    void write(Path stateDirectory) throws IOException {
        AtomicFiles.write(stateDirectory.resolve(FILE_NAME), JSON.writeValueAsBytes(this));
    }

    /** @throws CheckpointException when it is missing, damaged, or of another format or version */
    static CheckpointManifest read(Path stateDirectory) {
        Path file = stateDirectory.resolve(FILE_NAME);
        if (!Files.exists(file)) {
            throw new CheckpointException(stateDirectory + " holds no " + FILE_NAME
                    + ": the save was not completed or files were removed; use another checkpoint, or --finetune true to load weights alone");
        }
        CheckpointManifest manifest;
        try {
            manifest = JSON.readValue(file.toFile(), CheckpointManifest.class);
        } catch (IOException e) {
            throw new CheckpointException(file + " cannot be read: " + e.getMessage() + "; use another checkpoint", e);
        }
        if (!FORMAT.equals(manifest.format()) || manifest.version() != VERSION) {
            throw new CheckpointException(file + " is " + manifest.format() + " version " + manifest.version() + ", expected " + FORMAT
                    + " version " + VERSION + ": it was written by another release; export it to Hugging Face form with that release");
        }
        return manifest;
    }
}
