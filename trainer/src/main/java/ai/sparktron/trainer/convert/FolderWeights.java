package ai.sparktron.trainer.convert;

import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.tensor.SafetensorsFolder;
import java.io.IOException;
import java.nio.file.Path;

/** Tensors of a Hugging Face directory, a piece at a time, for conversions that need no model in memory. */
public final class FolderWeights implements WeightSource, AutoCloseable {

    private static final String PREFIX = "model.";

    private final SafetensorsFolder folder;
    private final boolean bare;

    private FolderWeights(SafetensorsFolder folder) {
        this.folder = folder;
        this.bare = !folder.contains("model.embed_tokens.weight") && folder.contains("embed_tokens.weight");
    }

    /** Opens the safetensors files of a directory. */
    public static FolderWeights open(Path directory) throws IOException {
        return new FolderWeights(SafetensorsFolder.open(directory));
    }

    /** @throws IllegalArgumentException when the tensor is missing or has another shape */
    @Override
    public float[] read(TensorSpec tensor, long from, int count) throws IOException {
        String name = bare && tensor.name().startsWith(PREFIX) ? tensor.name().substring(PREFIX.length()) : tensor.name();
        if (!folder.contains(name) || !folder.entry(name).shape().equals(tensor.shape())) {
            throw new IllegalArgumentException(folder.folder() + ": tensor " + name + " is "
                    + (folder.contains(name) ? "of shape " + folder.entry(name).shape() : "missing") + ", expected " + tensor.shape() + " by config.json");
        }
        return folder.readFloats(name, from, count);
    }

    @Override
    public void close() throws IOException {
        folder.close();
    }
}
