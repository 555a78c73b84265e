package ai.sparktron.trainer.convert;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.EngineNumbers;
import ai.sparktron.trainer.kernels.StoredNumbers;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSlice;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads weights of a Hugging Face directory (one safetensors file, or an index of several) into the slices a rank holds, converting from any floating-point
 * type. Names and shapes are checked before anything is read: a model with a missing, unknown or misshapen tensor is refused.
 */
public final class HuggingFaceImporter {

    private final ModelConfig config;
    private final Engine engine;
    private final SliceReader reader;

    public HuggingFaceImporter(ModelConfig config, Engine engine) {
        this.config = config;
        this.engine = engine;
        this.reader = new SliceReader(engine);
    }

    /**
     * Fills the values of all parameters.
     *
     * @return those that the files do not have, filled with 0: a head that is to give one number, in the files of a model that predicts tokens
     * @throws IllegalArgumentException when tensors are missing, unknown, of another shape, or hold NaN or infinity; names them and the files
     * @throws IOException              when files are missing, truncated or corrupt
     */
    public List<Parameter> load(Path directory, Parameters parameters) throws IOException {
        return load(directory, parameters, EngineNumbers.of(engine, parameters.value()));
    }

    /**
     * As the other, where weights are kept in a form of their own.
     *
     * @param weights takes them, by their elements in the flat value buffer
     */
    public List<Parameter> load(Path directory, Parameters parameters, StoredNumbers weights) throws IOException {
        try (StoredModel files = StoredModel.open(directory, config)) {
            engine.kernels().fill(parameters.value(), 0);
            List<Parameter> missing = new ArrayList<>();
            for (Parameter parameter : parameters.all()) {
                for (int part = 0; part < parameter.slices().size(); part++) {
                    TensorSlice slice = parameter.slices().get(part);
                    if (files.has(slice.tensor()) && parameter.spec().buffer()) {
                        reader.load(files.get(slice.tensor()), slice, parameter.part(part));
                    } else if (files.has(slice.tensor())) {
                        reader.load(files.get(slice.tensor()), slice, weights, parameter.partOffset(part));
                    } else if (slice.tensor().name().equals(DecoderSpecs.SCORE)) {
                        missing.add(parameter);
                    }
                }
            }
            return missing;
        }
    }
}
