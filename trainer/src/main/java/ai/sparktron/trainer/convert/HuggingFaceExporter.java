package ai.sparktron.trainer.convert;

import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.SafetensorsFolderWriter;
import ai.sparktron.trainer.tensor.TensorEntry;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;

/**
 * Writes a directory that Hugging Face loads: weights in files of bounded size with an index, {@code config.json}, {@code generation_config.json}, and the
 * tokenizer's files as they came.
 */
public final class HuggingFaceExporter {

    private static final int PIECE = 1 << 22;

    /** Small files that belong to a model beside its weights; chat templates are matched by their ending. */
    private static final List<String> COMPANIONS = List.of("generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
            "added_tokens.json", "vocab.json", "merges.txt", "tokenizer.model", "chat_template.json");

    /** What is added for choosing experts stays float32, in layers that are not built too. */
    private static final String SELECTION = ".e_score_correction_bias";

    private final ModelConfig config;
    private final DType dtype;
    private final Path companions;
    private final long fileBytes;
    private Path extras;

    /**
     * @param dtype      type of the weights in the files: F32, BF16 or F16
     * @param companions directory that tokenizer and generation files are copied from; null = none
     * @param fileBytes  {@code max_shard_size}: bytes a file may have
     */
    public HuggingFaceExporter(ModelConfig config, DType dtype, Path companions, long fileBytes) {
        if (dtype != DType.F32 && dtype != DType.BF16 && dtype != DType.F16) {
            throw new IllegalArgumentException("weights of type " + dtype + ": expected F32, BF16 or F16");
        }
        this.config = config;
        this.dtype = dtype;
        this.companions = companions;
        this.fileBytes = fileBytes;
    }

    /**
     * What a directory's files hold beside the layers that are built (layers that predict further tokens) is written too, so that it is not lost.
     *
     * @param directory in Hugging Face layout
     */
    public HuggingFaceExporter withExtrasOf(Path directory) {
        this.extras = directory;
        return this;
    }

    /**
     * Makes a new directory; it has its name only when it is complete.
     *
     * @throws java.nio.file.FileAlreadyExistsException when there is something of that name
     */
    public void export(Path directory, WeightSource weights) throws IOException {
        Path target = directory.toAbsolutePath();
        if (Files.exists(target)) {
            throw new java.nio.file.FileAlreadyExistsException(target.toString(), null, "export writes a new directory; give another name or remove it");
        }
        Files.createDirectories(target.getParent());
        Path temporary = target.resolveSibling("." + target.getFileName() + ".writing");
        deleteTree(temporary);
        try {
            write(temporary, weights);
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            deleteTree(temporary);
        }
    }

    /** Writes into a directory that the caller makes appear, such as a checkpoint's. */
    public void write(Path directory, WeightSource weights) throws IOException {
        Files.createDirectories(directory);
        List<TensorEntry> entries = new ArrayList<>();
        List<Written> tensors = tensors();
        tensors.forEach(written -> entries.add(new TensorEntry(written.name(), written.dtype(), written.tensor().shape())));
        try (StoredModel files = extras == null ? null : StoredModel.open(extras, config)) {
            Collection<StoredModel.Extra> kept = files == null ? List.of() : files.extras();
            kept.forEach(extra -> entries.add(new TensorEntry(extra.entry().name(), extra.entry().name().endsWith(SELECTION) ? DType.F32 : dtype, extra.entry().shape())));
            try (SafetensorsFolderWriter writer = SafetensorsFolderWriter.create(directory, entries, fileBytes)) {
                for (Written written : tensors) {
                    write(writer, written.name(), written.tensor().elements(), (from, count) -> weights.read(written.tensor(), from, count));
                }
                for (StoredModel.Extra extra : kept) {
                    write(writer, extra.entry().name(), extra.entry().shape().elements(), extra.stored()::read);
                }
                writer.commit();
            }
        }
        Files.writeString(directory.resolve("config.json"), configJson());
        copyCompanions(directory);
    }

    private interface Piece {
        float[] read(long from, int count) throws IOException;
    }

    private static void write(SafetensorsFolderWriter writer, String name, long elements, Piece piece) throws IOException {
        for (long done = 0; done < elements; done += PIECE) {
            writer.writeFloats(name, piece.read(done, (int) Math.min(PIECE, elements - done)));
        }
    }

    /** Reads as {@link #write} does and writes nothing: what the other ranks of a group do while one writes {@link GatheredWeights}. */
    public void contribute(WeightSource weights) throws IOException {
        for (Written written : tensors()) {
            TensorSpec tensor = written.tensor();
            for (long done = 0; done < tensor.elements(); done += PIECE) {
                weights.read(tensor, done, (int) Math.min(PIECE, tensor.elements() - done));
            }
        }
    }

    /** A tensor under the name that it has in the files. */
    private record Written(String name, TensorSpec tensor, DType dtype) {
    }

    /** All of the model's, and again those that files of layers that predict further tokens repeat. */
    private List<Written> tensors() {
        List<Written> tensors = new ArrayList<>();
        for (ParameterSpec parameter : DecoderSpecs.of(config)) {
            parameter.parts().forEach(tensor -> tensors.add(new Written(tensor.name(), tensor, parameter.buffer() ? DType.F32 : dtype)));
        }
        for (int i = 0; i < config.prediction().layers(); i++) {
            for (String repeated : List.of("embed_tokens.weight", "shared_head.head.weight")) {
                String name = "model.layers." + (config.layers() + i) + "." + repeated;
                tensors.add(new Written(name, DecoderSpecs.sharedBy(config, name).parts().get(0), dtype));
            }
        }
        return tensors;
    }

    private String configJson() throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode json = (ObjectNode) mapper.readTree(config.json());
        String name = switch (dtype) {
            case BF16 -> "bfloat16";
            case F16 -> "float16";
            default -> "float32";
        };
        json.putArray("architectures").add(config.architecture());
        if (!json.hasNonNull("model_type")) {
            json.put("model_type", config.family().modelType());
        }
        if (config.scores() && !json.hasNonNull("pad_token_id")) {
            PaddingToken.of(companions).ifPresent(id -> json.put("pad_token_id", id));
        }
        json.remove("quantization_config");
        boolean newSpelling = json.has("dtype");
        if (newSpelling) {
            json.put("dtype", name);
        }
        if (json.has("torch_dtype") || !newSpelling) {
            json.put("torch_dtype", name);
        }
        return mapper.writerWithDefaultPrettyPrinter().writeValueAsString(json) + "\n";
    }

    private void copyCompanions(Path directory) throws IOException {
        if (companions != null && Files.isDirectory(companions)) {
            try (Stream<Path> files = Files.list(companions)) {
                for (Path file : files.sorted().toList()) {
                    String name = file.getFileName().toString();
                    if (COMPANIONS.contains(name) || name.endsWith(".jinja")) {
                        Files.copy(file, directory.resolve(name), StandardCopyOption.REPLACE_EXISTING);
                    }
                }
            }
        }
        Path generation = directory.resolve("generation_config.json");
        if (!Files.exists(generation)) {
            Files.writeString(generation, generationJson());
        }
    }

    private String generationJson() throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode json = mapper.createObjectNode();
        ObjectNode model = (ObjectNode) mapper.readTree(config.json());
        for (String key : List.of("bos_token_id", "eos_token_id", "pad_token_id")) {
            if (model.hasNonNull(key)) {
                json.set(key, model.get(key));
            }
        }
        return mapper.writerWithDefaultPrettyPrinter().writeValueAsString(json) + "\n";
    }

    private static void deleteTree(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
