package ai.sparktron.trainer.model;

import ai.sparktron.trainer.tensor.DType;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Reads {@code config.json} of a Hugging Face model directory, in old spellings ({@code rope_theta}, {@code rope_scaling}, {@code torch_dtype}) and new ones
 * ({@code rope_parameters}, {@code dtype}). Where a key is absent the family's configuration class in transformers decides.
 */
public final class ConfigReader {

    /** DeepSeek-V3's. */
    private static final int FP8_BLOCK = 128;

    private final String source;
    private final JsonNode json;
    private final JsonKeys keys;

    private ConfigReader(String source, JsonNode json) {
        this.source = source;
        this.json = json;
        this.keys = new JsonKeys(source, json);
    }

    /**
     * @param path a model directory, or a {@code config.json} itself
     * @throws IllegalArgumentException when it is missing, is no JSON, or describes a model that cannot be built; names key and value
     */
    public static ModelConfig read(Path path) {
        Path file = file(path);
        return parse(text(file), file.toString());
    }

    /** As {@link #read}, of a model whose head gives one number of a token in the place of the vocabulary's. */
    public static ModelConfig readScoring(Path path) {
        Path file = file(path);
        return parse(scoring(text(file), file.toString()), file.toString());
    }

    private static Path file(Path path) {
        return Files.isDirectory(path) ? path.resolve("config.json") : path;
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (java.nio.file.NoSuchFileException e) {
            throw new IllegalArgumentException("no " + file + ": expected the config.json of a Hugging Face model directory", e);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + file, e);
        }
    }

    /**
     * @param text   contents of a {@code config.json}
     * @param source where it is from, for messages
     */
    public static ModelConfig parse(String text, String source) {
        JsonNode json;
        try {
            json = new ObjectMapper().readTree(text);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(source + " is no JSON: " + e.getOriginalMessage() + " at line " + e.getLocation().getLineNr(), e);
        }
        if (json == null || !json.isObject()) {
            throw new IllegalArgumentException(source + ": expected a JSON object");
        }
        try {
            return new ConfigReader(source, json).model();
        } catch (IllegalArgumentException e) {
            throw e.getMessage().startsWith(source) ? e : new IllegalArgumentException(source + ": " + e.getMessage(), e);
        }
    }

    /**
     * The same file of a model whose head gives one number of a token, as Hugging Face names it.
     *
     * @param text   contents of a {@code config.json}
     * @param source where it is from, for messages
     */
    public static String scoring(String text, String source) {
        ModelConfig config = parse(text, source);
        if (config.scores()) {
            return text;
        }
        try {
            ObjectMapper mapper = new ObjectMapper();
            ObjectNode json = (ObjectNode) mapper.readTree(text);
            json.putArray("architectures").add(config.family().scoringArchitecture());
            json.putObject("id2label").put("0", "LABEL_0");
            json.putObject("label2id").put("LABEL_0", 0);
            json.remove("num_labels");
            return mapper.writerWithDefaultPrettyPrinter().writeValueAsString(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(source + " was JSON a moment ago", e);
        }
    }

    /** @throws IllegalArgumentException when the head gives several numbers */
    private boolean scores(Family family) {
        if (!json.path("architectures").path(0).asText("").equals(family.scoringArchitecture())) {
            return false;
        }
        int labels = json.has("id2label") ? json.get("id2label").size() : keys.integer("num_labels", 2);
        if (labels != 1) {
            throw new IllegalArgumentException(source + ": a head of " + labels + " labels (id2label, num_labels): only heads that give one number are built");
        }
        return true;
    }

    private ModelConfig model() {
        Family family = family();
        refuseWhatIsNotBuilt();
        int hiddenSize = keys.integer("hidden_size");
        int heads = keys.integer("num_attention_heads");
        int layers = keys.integer("num_hidden_layers");
        int ffnSize = keys.integer("intermediate_size");
        int maxPositions = keys.integer("max_position_embeddings", family.absent().maxPositions());
        LatentConfig latent = family.latent() == Family.Latent.NEVER ? null : ExpertsReader.latent(keys, family.latent() == Family.Latent.PAIRS_OR_BY_KEY);
        ExpertsConfig experts = family.experts() == null ? null : ExpertsReader.experts(keys, family.experts(), layers, ffnSize);
        boolean attentionBias = family.attentionBias() == Family.AttentionBias.ALL_BY_KEY && keys.flag("attention_bias", false);
        boolean queryBias = switch (family.attentionBias()) {
            case NEVER -> false;
            case QUERY_KEY_VALUE -> true;
            case QUERY_KEY_VALUE_BY_KEY -> keys.flag("qkv_bias", true);
            case ALL_BY_KEY -> attentionBias;
        };
        return new ModelConfig(family, layers, hiddenSize, ffnSize, heads, latent == null ? kvHeads(family, heads) : heads,
                latent == null ? headSize(family, hiddenSize, heads) : latent.headSize(), keys.integer("vocab_size"), maxPositions,
                (float) keys.number("rms_norm_eps", 1e-6), new RopeReader(source, json, maxPositions, family.absent().theta()).rope(),
                keys.flag("tie_word_embeddings", false) && !scores(family), scores(family), queryBias, attentionBias, family.mlpBiasKey() && keys.flag("mlp_bias", false),
                keys.number("initializer_range", 0.02), slidingWindow(family, layers), experts, latent,
                latent == null ? 0 : keys.integer("num_nextn_predict_layers", 0), Prediction.NONE, dtype(), weightBlock(), keys.integers("eos_token_id"), json.toString());
    }

    private Family family() {
        String architecture = json.path("architectures").path(0).asText("");
        String modelType = json.path("model_type").asText("");
        if (architecture.isEmpty() && modelType.isEmpty()) {
            throw new IllegalArgumentException(source + ": neither architectures nor model_type says what model this is; expected one of " + Family.listing());
        }
        String name = architecture.isEmpty() ? modelType : architecture;
        Optional<Family> found = Family.ALL.stream()
                .filter(family -> architecture.isEmpty() ? family.modelType().equals(modelType)
                        : family.architecture().equals(architecture) || family.scoringArchitecture().equals(architecture)).findFirst();
        return found.orElseThrow(() -> new IllegalArgumentException(source + ": unknown architecture " + name + "; families are: " + Family.listing()));
    }

    private void refuseWhatIsNotBuilt() {
        String activation = json.path("hidden_act").asText("silu");
        if (!activation.equals("silu") && !activation.equals("swish")) {
            throw new IllegalArgumentException(source + ": hidden_act " + activation + ": only silu (SwiGLU) is built");
        }
        for (String key : List.of("attention_dropout", "hidden_dropout")) {
            if (keys.number(key, 0) != 0) {
                throw new IllegalArgumentException(source + ": " + key + " " + json.get(key) + ": dropout is not built; set it to 0");
            }
        }
    }

    /** FP8 by blocks is read, and nothing else that is quantised. */
    private List<Integer> weightBlock() {
        JsonNode quantization = json.path("quantization_config");
        if (!quantization.isObject()) {
            return List.of(FP8_BLOCK, FP8_BLOCK);
        }
        String method = quantization.path("quant_method").asText("");
        JsonNode block = quantization.path("weight_block_size");
        if (!method.equals("fp8") || block.size() != 2 || !block.path(0).isInt() || !block.path(1).isInt()) {
            throw new IllegalArgumentException(source + ": quantization_config " + quantization + ": only quant_method fp8 with a weight_block_size is read; use the"
                    + " model's bfloat16 files");
        }
        return List.of(block.get(0).intValue(), block.get(1).intValue());
    }

    private int kvHeads(Family family, int heads) {
        JsonNode given = json.get("num_key_value_heads");
        if (given == null) {
            return family.absent().kvHeads() == 0 ? heads : family.absent().kvHeads();
        }
        return given.isNull() ? heads : keys.integer("num_key_value_heads");
    }

    private int headSize(Family family, int hiddenSize, int heads) {
        JsonNode given = json.get("head_dim");
        if (given != null && !given.isNull()) {
            return keys.integer("head_dim");
        }
        if (given == null && family.absent().headSize() > 0) {
            return family.absent().headSize();
        }
        if (heads <= 0 || hiddenSize % heads != 0) {
            throw new IllegalArgumentException(source + ": hidden_size " + hiddenSize + " is no multiple of num_attention_heads " + heads
                    + ", so head_dim must be given");
        }
        return hiddenSize / heads;
    }

    private int slidingWindow(Family family, int layers) {
        JsonNode given = json.get("sliding_window");
        int window = given == null ? 4096 : given.isNull() ? Integer.MAX_VALUE : keys.integer("sliding_window");
        boolean used = keys.flag("use_sliding_window", false);
        return switch (family.slidingWindow()) {
            case NEVER -> Integer.MAX_VALUE;
            case UNLESS_NULL -> window;
            case IF_GIVEN -> given == null ? Integer.MAX_VALUE : window;
            case WHEN_USED -> used && someLayerSlides(layers) ? window : Integer.MAX_VALUE;
            case ALL_WHEN_USED -> used ? window : Integer.MAX_VALUE;
        };
    }

    private boolean someLayerSlides(int layers) {
        JsonNode types = json.path("layer_types");
        if (!types.isArray()) {
            return layers > keys.integer("max_window_layers", 28);
        }
        for (JsonNode type : types) {
            if (type.asText().equals("sliding_attention")) {
                return true;
            }
        }
        return false;
    }

    private DType dtype() {
        String key = json.hasNonNull("dtype") ? "dtype" : "torch_dtype";
        String name = json.path(key).asText("float32").replace("torch.", "");
        return switch (name) {
            case "float32", "float", "null" -> DType.F32;
            case "bfloat16" -> DType.BF16;
            case "float16", "half" -> DType.F16;
            default -> throw new IllegalArgumentException(source + ": " + key + " " + name + ": expected float32, bfloat16 or float16");
        };
    }
}
