package ai.sparktron.pipeline.tokenize;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The tokenizer of a model directory in Hugging Face layout: {@code tokenizer.json}, and where present {@code tokenizer_config.json},
 * {@code chat_template.jinja}, {@code additional_chat_templates/}, {@code special_tokens_map.json} and {@code generation_config.json}.
 *
 * @param tokenizer text to ids
 * @param settings  end tokens, chat template and the like
 */
public record TokenizerFile(Tokenizer tokenizer, TokenizerSettings settings) {
    private static final Logger LOG = LoggerFactory.getLogger(TokenizerFile.class);
    private static final ObjectMapper JSON = new ObjectMapper();
    /** Id of a token that is still to get one. */
    private static final int UNNUMBERED = Integer.MAX_VALUE;
    private static final String TOKENIZER = "tokenizer.json";
    private static final String CONFIG = "tokenizer_config.json";

    /** Files of a model directory that belong to its tokenizer; an exported model carries those that exist. */
    public static final List<String> NAMES = List.of(TOKENIZER, CONFIG, "chat_template.jinja", "chat_template.json", "special_tokens_map.json",
            "added_tokens.json", "vocab.json", "merges.txt", "tokenizer.model");

    /** Reads a model directory. */
    public static TokenizerFile load(Path directory) throws IOException {
        return load(directory, List.of());
    }

    /**
     * Reads a model directory and appends tokens that the model does not know.
     *
     * @param newSpecialTokens spellings; those that the tokenizer has already only become special
     * @throws IllegalArgumentException when a file is missing, damaged or of a kind that is not supported
     */
    public static TokenizerFile load(Path directory, List<String> newSpecialTokens) throws IOException {
        Path file = directory.resolve(TOKENIZER);
        if (!Files.isRegularFile(file)) {
            throw new IllegalArgumentException(directory + " has no " + TOKENIZER + ": expected the model directory of a fast tokenizer"
                    + (Files.exists(directory.resolve("tokenizer.model")) ? "; it has only tokenizer.model, which has to be converted" : "")
                    + "; convert with AutoTokenizer.from_pretrained(...).save_pretrained(...) or choose another directory");
        }
        TokenizerJson json = TokenizerJson.read(file);
        JsonNode config = object(directory.resolve(CONFIG));
        Tokenizer tokenizer = TokenizerAssembly.assemble(json, added(json, config, newSpecialTokens));
        return new TokenizerFile(tokenizer, settings(directory, json, config, tokenizer));
    }

    /** The id of the token that ends an answer, if the directory names one. */
    public OptionalInt eosId() {
        return idOf(settings.eosToken());
    }

    /** The id of the token that begins a text, if the directory names one. */
    public OptionalInt bosId() {
        return idOf(settings.bosToken());
    }

    /** The padding token's id, if the directory names one. */
    public OptionalInt padId() {
        return idOf(settings.padToken());
    }

    private OptionalInt idOf(String token) {
        return token == null ? OptionalInt.empty() : tokenizer.idOf(token);
    }

    /** The file's added tokens, then those that only {@code added_tokens_decoder} names (the transformers library adds them too), then the new ones. */
    private static List<AddedToken> added(TokenizerJson json, JsonNode config, List<String> newSpecialTokens) {
        List<AddedToken> added = new ArrayList<>(json.added());
        Set<String> known = new HashSet<>();
        added.forEach(token -> known.add(token.content()));
        JsonNode decoder = config.path("added_tokens_decoder");
        TreeMap<Integer, JsonNode> byId = new TreeMap<>();
        decoder.fieldNames().forEachRemaining(name -> byId.put(Integer.parseInt(name), decoder.get(name)));
        byId.forEach((id, node) -> {
            if (known.add(node.path("content").asText())) {
                added.add(TokenizerJson.addedToken(id, node));
            }
        });
        List<AddedToken> numbered = numbered(json, added);
        for (String spelling : newSpecialTokens) {
            if (spelling.isBlank()) {
                throw new IllegalArgumentException("new_special_tokens has an empty token \"" + spelling + "\": expected a spelling; remove it");
            }
            numbered.add(AddedToken.special(UNNUMBERED, spelling));
        }
        return newSpecialTokens.isEmpty() ? numbered : numbered(json, numbered);
    }

    /**
     * Ids as Hugging Face's library gives them: a spelling of the vocabulary has its id there, any other the next free one. The ids in the file only
     * say what was expected. A later token of the same spelling replaces the flags of the earlier.
     */
    private static List<AddedToken> numbered(TokenizerJson json, List<AddedToken> tokens) {
        Map<String, AddedToken> bySpelling = new LinkedHashMap<>();
        int highest = -1;
        for (AddedToken token : tokens) {
            AddedToken known = bySpelling.get(token.content());
            Integer inVocabulary = json.vocabulary().get(token.content());
            int next = Math.max(highest + 1, json.vocabulary().size());
            int id = known != null ? known.id() : inVocabulary != null ? inVocabulary : next;
            if (token.id() != id && token.id() != UNNUMBERED) {
                LOG.warn("{}: the added token \"{}\" has the id {} in the file, but {} by its place; {} is used, as Hugging Face's library does",
                        json.where(), token.content(), token.id(), id, id);
            }
            highest = Math.max(highest, id);
            bySpelling.put(token.content(), token.withId(id));
        }
        return new ArrayList<>(bySpelling.values());
    }

    private static TokenizerSettings settings(Path directory, TokenizerJson json, JsonNode config, Tokenizer tokenizer) throws IOException {
        JsonNode map = object(directory.resolve("special_tokens_map.json"));
        String eos = spelling("eos_token", config, map);
        List<Integer> prefix = frame(json, true);
        Map<String, String> templates = chatTemplates(directory, config);
        Set<Integer> stops = new LinkedHashSet<>();
        JsonNode generation = object(directory.resolve("generation_config.json")).path("eos_token_id");
        (generation.isArray() ? generation : JSON.createArrayNode().add(generation)).forEach(id -> {
            if (id.isInt()) {
                stops.add(id.intValue());
            }
        });
        if (eos != null) {
            tokenizer.idOf(eos).ifPresent(stops::add);
        }
        String defaultTemplate = templates.remove("default");
        boolean addBos = config.path("add_bos_token").asBoolean(!prefix.isEmpty());
        return new TokenizerSettings(spelling("bos_token", config, map), eos, spelling("pad_token", config, map), spelling("unk_token", config, map),
                addBos, defaultTemplate, templates, maxLength(config), List.copyOf(stops), prefix, frame(json, false));
    }

    private static String spelling(String name, JsonNode config, JsonNode map) {
        JsonNode value = config.hasNonNull(name) ? config.get(name) : map.path(name);
        return value.isObject() ? value.path("content").textValue() : value.textValue();
    }

    private static Integer maxLength(JsonNode config) {
        double length = config.path("model_max_length").asDouble(0);
        return length >= 1 && length <= 1e9 ? (Integer) (int) length : null;
    }

    /** Default template under "default". A file of its own wins over the configuration, as in the transformers library. */
    private static Map<String, String> chatTemplates(Path directory, JsonNode config) throws IOException {
        Map<String, String> templates = new LinkedHashMap<>();
        JsonNode inConfig = config.path("chat_template");
        if (inConfig.isTextual()) {
            templates.put("default", inConfig.textValue());
        }
        if (inConfig.isArray()) {
            inConfig.forEach(named -> templates.put(named.path("name").asText(), named.path("template").asText()));
        }
        JsonNode old = object(directory.resolve("chat_template.json")).path("chat_template");
        if (old.isTextual()) {
            templates.put("default", old.textValue());
        }
        Path file = directory.resolve("chat_template.jinja");
        if (Files.isRegularFile(file)) {
            templates.put("default", Files.readString(file, StandardCharsets.UTF_8));
        }
        Path further = directory.resolve("additional_chat_templates");
        if (Files.isDirectory(further)) {
            try (Stream<Path> files = Files.list(further)) {
                for (Path template : files.filter(path -> path.toString().endsWith(".jinja")).sorted().toList()) {
                    templates.put(template.getFileName().toString().replaceAll("\\.jinja$", ""), Files.readString(template, StandardCharsets.UTF_8));
                }
            }
        }
        return templates;
    }

    /** Ids that a {@code TemplateProcessing} puts before ({@code true}) or after the text. */
    private static List<Integer> frame(TokenizerJson json, boolean before) {
        List<Integer> ids = new ArrayList<>();
        JsonNode processor = json.parts().path("post_processor");
        List<JsonNode> processors = new ArrayList<>();
        processor.path("processors").forEach(processors::add);
        processors.add(processor);
        for (JsonNode candidate : processors) {
            if (!candidate.path("type").asText().equals("TemplateProcessing")) {
                continue;
            }
            boolean isBefore = true;
            for (JsonNode piece : candidate.path("single")) {
                if (piece.has("Sequence")) {
                    isBefore = false;
                } else if (isBefore == before) {
                    String name = piece.path("SpecialToken").path("id").asText();
                    candidate.path("special_tokens").path(name).path("ids").forEach(id -> ids.add(id.intValue()));
                }
            }
        }
        return ids;
    }

    /** A JSON object file, or an empty object when the file does not exist. */
    private static JsonNode object(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            return JSON.createObjectNode();
        }
        try {
            return JSON.readTree(file.toFile());
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(file + ": no valid JSON (" + e.getOriginalMessage() + "); fetch the file again", e);
        }
    }
}
