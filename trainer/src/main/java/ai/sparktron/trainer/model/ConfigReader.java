package ai.sparktron.trainer.model;

import ai.sparktron.trainer.tensor.DType;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Reads {@code config.json} of a Hugging Face model directory, in old spellings ({@code rope_theta}, {@code rope_scaling}, {@code torch_dtype}) and new ones
 * ({@code rope_parameters}, {@code dtype}). Where a key is absent the family's configuration class in transformers decides.
 */
public final class ConfigReader {

    private final String source;
    private final JsonNode json;

    private ConfigReader(String source, JsonNode json) {
        this.source = source;
        this.json = json;
    }

    /**
     * @param path a model directory, or a {@code config.json} itself
     * @throws IllegalArgumentException when it is missing, is no JSON, or describes a model that cannot be built; names key and value
     */
    public static ModelConfig read(Path path) {
        Path file = Files.isDirectory(path) ? path.resolve("config.json") : path;
        try {
            return parse(Files.readString(file), file.toString());
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

    private ModelConfig model() {
        Family family = family();
        refuseWhatIsNotBuilt();
        int hiddenSize = integer("hidden_size");
        int heads = integer("num_attention_heads");
        int layers = integer("num_hidden_layers");
        int maxPositions = integer("max_position_embeddings", family.defaultMaxPositions());
        boolean attentionBias = family.attentionBias() == Family.AttentionBias.ALL_BY_KEY && flag("attention_bias", false);
        return new ModelConfig(family, layers, hiddenSize, integer("intermediate_size"), heads, kvHeads(family, heads), headSize(family, hiddenSize, heads),
                integer("vocab_size"), maxPositions, (float) number(json, "rms_norm_eps", 1e-6), new RopeReader(source, json, maxPositions).rope(),
                flag("tie_word_embeddings", false), attentionBias || family.attentionBias() == Family.AttentionBias.QUERY_KEY_VALUE, attentionBias,
                family.mlpBiasKey() && flag("mlp_bias", false), number(json, "initializer_range", 0.02), slidingWindow(family, layers), dtype(),
                eosTokenIds(), json.toString());
    }

    private Family family() {
        String architecture = json.path("architectures").path(0).asText("");
        String modelType = json.path("model_type").asText("");
        if (architecture.isEmpty() && modelType.isEmpty()) {
            throw new IllegalArgumentException(source + ": neither architectures nor model_type says what model this is; expected one of " + Family.listing());
        }
        String name = architecture.isEmpty() ? modelType : architecture;
        Optional<Family> found = Family.ALL.stream()
                .filter(family -> architecture.isEmpty() ? family.modelType().equals(modelType) : family.architecture().equals(architecture)).findFirst();
        return found.orElseThrow(() -> new IllegalArgumentException(Family.NOT_YET.contains(name)
                ? source + ": " + name + " is a mixture-of-experts or latent-attention model, which is not built yet; dense families are: " + Family.listing()
                : source + ": unknown architecture " + name + "; families are: " + Family.listing()));
    }

    private void refuseWhatIsNotBuilt() {
        String activation = json.path("hidden_act").asText("silu");
        if (!activation.equals("silu") && !activation.equals("swish")) {
            throw new IllegalArgumentException(source + ": hidden_act " + activation + ": only silu (SwiGLU) is built");
        }
        for (String key : List.of("attention_dropout", "hidden_dropout")) {
            if (number(json, key, 0) != 0) {
                throw new IllegalArgumentException(source + ": " + key + " " + json.get(key) + ": dropout is not built; set it to 0");
            }
        }
        JsonNode quantization = json.path("quantization_config");
        if (quantization.isObject()) {
            throw new IllegalArgumentException(source + ": quantization_config " + quantization.path("quant_method").asText("")
                    + ": quantised weights cannot be trained; use the model's bfloat16 files");
        }
    }

    private int kvHeads(Family family, int heads) {
        JsonNode given = json.get("num_key_value_heads");
        if (given == null) {
            return family.defaultKvHeads() == 0 ? heads : family.defaultKvHeads();
        }
        return given.isNull() ? heads : integer("num_key_value_heads");
    }

    private int headSize(Family family, int hiddenSize, int heads) {
        JsonNode given = json.get("head_dim");
        if (given != null && !given.isNull()) {
            return integer("head_dim");
        }
        if (given == null && family.defaultHeadSize() > 0) {
            return family.defaultHeadSize();
        }
        if (heads <= 0 || hiddenSize % heads != 0) {
            throw new IllegalArgumentException(source + ": hidden_size " + hiddenSize + " is no multiple of num_attention_heads " + heads
                    + ", so head_dim must be given");
        }
        return hiddenSize / heads;
    }

    private int slidingWindow(Family family, int layers) {
        JsonNode given = json.get("sliding_window");
        int window = given == null ? 4096 : given.isNull() ? Integer.MAX_VALUE : integer("sliding_window");
        return switch (family.slidingWindow()) {
            case NEVER -> Integer.MAX_VALUE;
            case UNLESS_NULL -> window;
            case WHEN_USED -> flag("use_sliding_window", false) && someLayerSlides(layers) ? window : Integer.MAX_VALUE;
        };
    }

    private boolean someLayerSlides(int layers) {
        JsonNode types = json.path("layer_types");
        if (!types.isArray()) {
            return layers > integer("max_window_layers", 28);
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

    private List<Integer> eosTokenIds() {
        JsonNode node = json.path("eos_token_id");
        List<Integer> ids = new ArrayList<>();
        if (node.isInt()) {
            ids.add(node.intValue());
        }
        node.forEach(id -> ids.add(id.intValue()));
        return ids;
    }

    private int integer(String key) {
        JsonNode node = json.get(key);
        if (node == null || node.isNull()) {
            throw new IllegalArgumentException(source + ": key " + key + " is missing; expected a whole number");
        }
        if (!node.canConvertToInt() || !node.isIntegralNumber()) {
            throw new IllegalArgumentException(source + ": " + key + " " + node + ": expected a whole number");
        }
        return node.intValue();
    }

    private int integer(String key, int absent) {
        return json.hasNonNull(key) ? integer(key) : absent;
    }

    private boolean flag(String key, boolean absent) {
        JsonNode node = json.get(key);
        if (node == null || node.isNull()) {
            return absent;
        }
        if (!node.isBoolean()) {
            throw new IllegalArgumentException(source + ": " + key + " " + node + ": expected true or false");
        }
        return node.booleanValue();
    }

    static double number(JsonNode json, String key, double absent) {
        JsonNode node = json.get(key);
        if (node == null || node.isNull()) {
            return absent;
        }
        if (!node.isNumber()) {
            throw new IllegalArgumentException(key + " " + node + ": expected a number");
        }
        return node.doubleValue();
    }
}
