package ai.sparktron.pipeline.template;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a model's directory says about its chat format.
 *
 * @param modelType     {@code model_type} of config.json, or null
 * @param chatTemplate  the model's own Jinja template, or null
 * @param specialTokens {@code bos_token}, {@code eos_token} and their like to their spellings
 * @param addsBegin     whether the tokenizer puts its begin token before every text
 */
public record ModelTexts(String modelType, String chatTemplate, Map<String, String> specialTokens, boolean addsBegin) implements Serializable {

    private static final List<String> TOKENS = List.of("bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token", "mask_token");
    private static final ObjectMapper JSON = new ObjectMapper();

    public ModelTexts {
        specialTokens = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(specialTokens));
    }

    /**
     * Reads {@code config.json}, {@code tokenizer_config.json}, {@code chat_template.jinja} and the end of {@code tokenizer.json} where they are
     * there.
     *
     * @param model     directory with config.json
     * @param tokenizer directory with the tokenizer's files; often the same
     * @throws IOException if a file is there but cannot be read; the message names it
     */
    public static ModelTexts read(Path model, Path tokenizer) throws IOException {
        JsonNode config = json(model.resolve("config.json"));
        JsonNode settings = json(tokenizer.resolve("tokenizer_config.json"));
        JsonNode map = json(tokenizer.resolve("special_tokens_map.json"));
        Map<String, String> tokens = new LinkedHashMap<>();
        for (String name : TOKENS) {
            String spelled = spelling(settings.path(name));
            spelled = spelled == null ? spelling(map.path(name)) : spelled;
            if (spelled != null) {
                tokens.put(name, spelled);
            }
        }
        boolean adds = settings.path("add_bos_token").asBoolean(false)
                || tokens.containsKey("bos_token") && postProcessorAdds(tokenizer.resolve("tokenizer.json"), tokens.get("bos_token"));
        return new ModelTexts(config.path("model_type").asText(null), template(tokenizer, settings), tokens, adds);
    }

    private static String template(Path directory, JsonNode settings) throws IOException {
        Path file = directory.resolve("chat_template.jinja");
        if (Files.isRegularFile(file)) {
            return Files.readString(file);
        }
        JsonNode node = settings.path("chat_template");
        if (node.isTextual()) {
            return node.asText();
        }
        for (JsonNode named : node) {
            if (named.path("name").asText().equals("default")) {
                return named.path("template").asText(null);
            }
        }
        return null;
    }

    private static JsonNode json(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            return JSON.createObjectNode();
        }
        try {
            return JSON.readTree(file.toFile());
        } catch (IOException e) {
            throw new IOException(file + " is not readable JSON: " + e.getMessage(), e);
        }
    }

    private static String spelling(JsonNode token) {
        return token.isTextual() ? token.asText() : token.path("content").asText(null);
    }

    /** Whether the tokenizer's post-processor mentions the begin token; the file's large parts are skipped over. */
    private static boolean postProcessorAdds(Path file, String begin) throws IOException {
        if (!Files.isRegularFile(file)) {
            return false;
        }
        try (JsonParser parser = new JsonFactory().setCodec(JSON).createParser(file.toFile())) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                if (name.equals("post_processor")) {
                    JsonNode processor = parser.readValueAsTree();
                    return processor != null && processor.findValuesAsText("id").contains(begin);
                }
                parser.skipChildren();
            }
            return false;
        } catch (IOException e) {
            throw new IOException(file + " is not readable JSON: " + e.getMessage(), e);
        }
    }
}
