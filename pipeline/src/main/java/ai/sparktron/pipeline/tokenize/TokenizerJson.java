package ai.sparktron.pipeline.tokenize;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A {@code tokenizer.json} as read: the large parts (vocabulary, merges) in plain collections, the small ones as JSON.
 *
 * @param where      the file, for messages
 * @param vocabulary token to id, as spelled in the file
 * @param merges     pairs of spellings, best first
 * @param model      the other fields of {@code model}
 * @param parts      {@code normalizer}, {@code pre_tokenizer}, {@code post_processor}, {@code decoder}; absent where null
 * @param added      {@code added_tokens}
 */
record TokenizerJson(String where, Map<String, Integer> vocabulary, List<String[]> merges, ObjectNode model, ObjectNode parts,
                     List<AddedToken> added) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** @throws IllegalArgumentException when the file is no tokenizer of the BPE kind; it names the kind */
    static TokenizerJson read(Path file) throws IOException {
        Map<String, Integer> vocabulary = new LinkedHashMap<>();
        List<String[]> merges = new ArrayList<>();
        ObjectNode model = JSON.createObjectNode();
        ObjectNode parts = JSON.createObjectNode();
        List<AddedToken> added = new ArrayList<>();
        try (JsonParser parser = JSON.getFactory().createParser(Files.newInputStream(file))) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new IllegalArgumentException(file + ": expected a JSON object with the fields model and added_tokens");
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                switch (name) {
                    case "model" -> readModel(parser, vocabulary, merges, model, file);
                    case "added_tokens" -> parser.<JsonNode>readValueAsTree().forEach(node -> added.add(addedToken(node, file)));
                    default -> {
                        JsonNode value = parser.readValueAsTree();
                        if (!value.isNull()) {
                            parts.set(name, value);
                        }
                    }
                }
            }
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(file + ": no valid JSON (" + e.getOriginalMessage() + " at line " + line(e)
                    + "); fetch the file again", e);
        }
        checkKind(model, vocabulary, file);
        return new TokenizerJson(file.toString(), vocabulary, merges, model, parts, added);
    }

    private static String line(JsonProcessingException e) {
        return e.getLocation() == null ? "?" : e.getLocation().getLineNr() + ", column " + e.getLocation().getColumnNr();
    }

    private static void readModel(JsonParser parser, Map<String, Integer> vocabulary, List<String[]> merges, ObjectNode model, Path file)
            throws IOException {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            JsonToken value = parser.nextToken();
            if (name.equals("vocab") && value == JsonToken.START_OBJECT) {
                while (parser.nextToken() == JsonToken.FIELD_NAME) {
                    String token = parser.currentName();
                    parser.nextToken();
                    vocabulary.put(token, parser.getIntValue());
                }
            } else if (name.equals("merges") && value == JsonToken.START_ARRAY) {
                while (parser.nextToken() != JsonToken.END_ARRAY) {
                    merges.add(readMerge(parser, merges.size(), file));
                }
            } else if (value == JsonToken.START_ARRAY) {
                parser.skipChildren(); // a Unigram vocabulary; its kind is refused below
            } else {
                model.set(name, parser.readValueAsTree());
            }
        }
    }

    /** Either {@code "left right"} or {@code ["left", "right"]}. */
    private static String[] readMerge(JsonParser parser, int index, Path file) throws IOException {
        String[] pair;
        if (parser.currentToken() == JsonToken.START_ARRAY) {
            List<String> parts = new ArrayList<>(2);
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                parts.add(parser.getText());
            }
            pair = parts.toArray(new String[0]);
        } else {
            pair = parser.getText().split(" ", -1);
        }
        if (pair.length != 2) {
            throw new IllegalArgumentException(file + ": merge " + index + " has " + pair.length + " parts: expected two, a left and a right token");
        }
        return pair;
    }

    private static void checkKind(ObjectNode model, Map<String, Integer> vocabulary, Path file) {
        String type = model.path("type").asText("BPE");
        if (!type.equals("BPE")) {
            throw new IllegalArgumentException(file + ": model.type is " + type + ", expected BPE; " + type
                    + " tokenizers are not supported, choose a model with a byte-pair encoding (Qwen, Llama 3, DeepSeek, Mistral ...)");
        }
        if (vocabulary.isEmpty()) {
            throw new IllegalArgumentException(file + ": model.vocab is empty or missing: expected an object of token to id");
        }
        if (model.path("dropout").asDouble(0) > 0) {
            throw new IllegalArgumentException(file + ": model.dropout is " + model.get("dropout")
                    + ", expected null; random merges are not supported, set it to null");
        }
    }

    private static AddedToken addedToken(JsonNode node, Path file) {
        if (!node.path("id").isInt() || !node.path("content").isTextual()) {
            throw new IllegalArgumentException(file + ": added token " + node + ": expected an integer id and a text content");
        }
        return addedToken(node.get("id").intValue(), node);
    }

    /** The token of an object with {@code content} and flags; absent flags are false, {@code normalized} is true unless special. */
    static AddedToken addedToken(int id, JsonNode node) {
        boolean special = node.path("special").asBoolean(false);
        return new AddedToken(id, node.get("content").textValue(), node.path("single_word").asBoolean(false), node.path("lstrip").asBoolean(false),
                node.path("rstrip").asBoolean(false), node.path("normalized").asBoolean(!special), special);
    }
}
