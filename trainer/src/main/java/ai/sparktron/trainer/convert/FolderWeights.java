package ai.sparktron.trainer.convert;

import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.TensorSpec;
import java.io.IOException;
import java.nio.file.Path;

/** Tensors of a Hugging Face directory, a piece at a time, for conversions that need no model in memory. */
public final class FolderWeights implements WeightSource, AutoCloseable {

    private final StoredModel files;

    private FolderWeights(StoredModel files) {
        this.files = files;
    }

    /**
     * Opens the safetensors files of a directory.
     *
     * @throws IllegalArgumentException when they do not hold the model
     */
    public static FolderWeights open(Path directory, ModelConfig config) throws IOException {
        return new FolderWeights(StoredModel.open(directory, config));
    }

    @Override
    public float[] read(TensorSpec tensor, long from, int count) throws IOException {
        return files.get(tensor).read(from, count);
    }

    @Override
    public void close() throws IOException {
        files.close();
    }
}
