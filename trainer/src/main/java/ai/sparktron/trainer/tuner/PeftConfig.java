package ai.sparktron.trainer.tuner;

import ai.sparktron.trainer.model.LowRank;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What an adapter says of itself: PEFT's {@code adapter_config.json}.
 *
 * @param baseModel       {@code base_model_name_or_path}: the model it was trained on
 * @param rank            {@code r}
 * @param alpha           {@code lora_alpha}
 * @param rankStabilised  {@code use_rslora}: scale by alpha / sqrt(r) instead of alpha / r
 * @param dropout         {@code lora_dropout}
 * @param bias            {@code bias}: none, all or lora_only
 * @param targetModules   names or endings of names of the modules with additions; one pattern where {@code targetIsPattern}
 * @param targetIsPattern whether {@code target_modules} is a text, which PEFT matches as a regular expression
 * @param targetParameters {@code target_parameters}: names, or endings of names, of parameters in transformers' model with additions, see {@link PeftTargets}
 * @param modulesToSave   {@code modules_to_save}: endings of names of modules trained and saved whole
 * @param ranks           {@code rank_pattern}: ranks of modules that match a pattern, the first that matches
 * @param alphas          {@code alpha_pattern}: likewise
 */
public record PeftConfig(Optional<String> baseModel, int rank, double alpha, boolean rankStabilised, double dropout, String bias, List<String> targetModules,
                         boolean targetIsPattern, List<String> targetParameters, List<String> modulesToSave, Map<String, Integer> ranks, Map<String, Double> alphas) {

    /** Name of the file. */
    public static final String FILE = "adapter_config.json";

    /** Settings that change what an adapter computes, and that are not built. */
    private static final List<String> NOT_BUILT = List.of("use_dora", "fan_in_fan_out", "lora_bias", "use_qalora", "use_bdlora", "trainable_token_indices",
            "layer_replication", "alora_invocation_tokens", "arrow_config", "kasa_config", "monteclora_config", "velora_config");
    private static final ObjectMapper JSON = new ObjectMapper();

    public PeftConfig {
        targetModules = List.copyOf(targetModules);
        targetParameters = List.copyOf(targetParameters);
        modulesToSave = List.copyOf(modulesToSave);
        ranks = Collections.unmodifiableMap(new LinkedHashMap<>(ranks));
        alphas = Collections.unmodifiableMap(new LinkedHashMap<>(alphas));
    }

    /** Whether a directory holds an adapter. */
    public static boolean isIn(Path directory) {
        return Files.isRegularFile(directory.resolve(FILE));
    }

    /**
     * Reads an adapter's directory.
     *
     * @throws IllegalArgumentException when there is none, it is no LoRA adapter, or one of a kind that is not built; names the key
     */
    public static PeftConfig read(Path directory) throws IOException {
        Path file = directory.resolve(FILE);
        try {
            return parse(Files.readString(file), file.toString());
        } catch (NoSuchFileException e) {
            throw new IllegalArgumentException("no " + file + ": expected the directory of a LoRA adapter, with " + FILE + " and adapter_model.safetensors", e);
        }
    }

    /** @param source where the text is from, for messages */
    static PeftConfig parse(String text, String source) {
        JsonNode json;
        try {
            json = JSON.readTree(text);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(source + " is no JSON: " + e.getOriginalMessage(), e);
        }
        if (!json.path("peft_type").asText().equals("LORA")) {
            throw new IllegalArgumentException(source + ": peft_type is " + json.path("peft_type") + ", expected LORA");
        }
        for (String key : NOT_BUILT) {
            JsonNode value = json.path(key);
            boolean off = value.isMissingNode() || value.isNull() || value.isBoolean() && !value.booleanValue() || value.isContainerNode() && value.isEmpty();
            if (!off) {
                throw new IllegalArgumentException(source + ": " + key + " is " + value + ", which is not built; merge the adapter into its model with PEFT and use that");
            }
        }
        Map<String, Integer> ranks = new LinkedHashMap<>();
        json.path("rank_pattern").fields().forEachRemaining(entry -> ranks.put(entry.getKey(), entry.getValue().intValue()));
        Map<String, Double> alphas = new LinkedHashMap<>();
        json.path("alpha_pattern").fields().forEachRemaining(entry -> alphas.put(entry.getKey(), entry.getValue().doubleValue()));
        boolean pattern = json.path("target_modules").isTextual();
        return new PeftConfig(Optional.ofNullable(json.path("base_model_name_or_path").textValue()), json.path("r").asInt(8), json.path("lora_alpha").asDouble(8),
                json.path("use_rslora").asBoolean(false), json.path("lora_dropout").asDouble(0), json.path("bias").asText("none"),
                pattern ? List.of(json.path("target_modules").asText()) : texts(json.path("target_modules")), pattern, texts(json.path("target_parameters")), texts(json.path("modules_to_save")), ranks,
                alphas);
    }

    private static List<String> texts(JsonNode array) {
        List<String> texts = new ArrayList<>();
        array.forEach(text -> texts.add(text.asText()));
        return texts;
    }

    /** The addition that a module gets, by its Hugging Face name. */
    public LowRank addition(String module) {
        return addition(module, matching(ranks, module).orElse(rank));
    }

    /** The same with a rank that is known. */
    public LowRank addition(String module, int ownRank) {
        double own = matching(alphas, module).orElse(alpha);
        return new LowRank(ownRank, own / (rankStabilised ? Math.sqrt(ownRank) : ownRank));
    }

    private static <T> Optional<T> matching(Map<String, T> patterns, String module) {
        return patterns.entrySet().stream().filter(entry -> Pattern.compile("(.*\\.)?(" + entry.getKey() + ")").matcher(module).matches()).map(Map.Entry::getValue)
                .findFirst();
    }

    /** The same with other targets. */
    PeftConfig with(PeftTargets targets) {
        Map<String, Integer> allRanks = new LinkedHashMap<>(ranks);
        allRanks.putAll(targets.ranks());
        Map<String, Double> allAlphas = new LinkedHashMap<>(alphas);
        allAlphas.putAll(targets.alphas());
        return new PeftConfig(baseModel, rank, alpha, rankStabilised, dropout, bias, targets.modules(), false, targets.parameters(), modulesToSave, allRanks,
                allAlphas);
    }

    /** The same of another model. */
    public PeftConfig withBaseModel(String model) {
        return new PeftConfig(Optional.of(model), rank, alpha, rankStabilised, dropout, bias, targetModules, targetIsPattern, targetParameters, modulesToSave, ranks,
                alphas);
    }

    /** Whether it gives a model a head of rewards, which PEFT calls a sequence's class. */
    public boolean givesRewards() {
        return modulesToSave.contains("score");
    }

    /** Contents of the file, for inference: without dropout where parameters have additions, since PEFT refuses to leave anything out of what they see. */
    public String toJson() {
        ObjectNode json = JSON.createObjectNode();
        json.put("peft_type", "LORA").put("task_type", givesRewards() ? "SEQ_CLS" : "CAUSAL_LM");
        json.put("base_model_name_or_path", baseModel.orElse(null)).put("inference_mode", true);
        json.put("r", rank).put("lora_alpha", alpha).put("use_rslora", rankStabilised).put("lora_dropout", targetParameters.isEmpty() ? dropout : 0).put("bias", bias);
        if (targetIsPattern) {
            json.put("target_modules", targetModules.get(0));
        } else {
            targetModules.forEach(json.putArray("target_modules")::add);
        }
        if (targetParameters.isEmpty()) {
            json.putNull("target_parameters");
        } else {
            targetParameters.forEach(json.putArray("target_parameters")::add);
        }
        if (modulesToSave.isEmpty()) {
            json.putNull("modules_to_save");
        } else {
            modulesToSave.forEach(json.putArray("modules_to_save")::add);
        }
        ranks.forEach(json.putObject("rank_pattern")::put);
        alphas.forEach(json.putObject("alpha_pattern")::put);
        json.put("fan_in_fan_out", false).put("init_lora_weights", true).put("use_dora", false).putNull("layers_to_transform").putNull("layers_pattern");
        try {
            return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(json) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("an adapter's settings are always JSON", e);
        }
    }
}
