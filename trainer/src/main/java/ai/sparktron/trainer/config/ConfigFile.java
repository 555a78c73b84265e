package ai.sparktron.trainer.config;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A YAML or JSON file of options under their names. JSON is YAML, so the ending of the name does not matter. Objects become JSON text.
 *
 * @param path local path
 */
record ConfigFile(String path) {

    /** Words by option name. @throws ConfigurationException when the file is missing or not a mapping */
    Map<String, List<String>> read() {
        Path file = Path.of(path);
        if (!Files.isRegularFile(file)) {
            throw new ConfigurationException("--config " + path + ": there is no such file");
        }
        ObjectMapper mapper = new ObjectMapper(new YAMLFactory())
                .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
                .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY);
        try {
            return words(mapper.readTree(Files.readString(file)), "--config " + path);
        } catch (JsonProcessingException e) {
            throw new ConfigurationException("--config " + path + " is not valid YAML or JSON: " + firstLine(e) + place(e));
        } catch (IOException e) {
            throw new ConfigurationException("--config " + path + " cannot be read: " + e);
        }
    }

    private static String place(JsonProcessingException e) {
        return e.getLocation() == null ? "" : " (line " + e.getLocation().getLineNr() + ")";
    }

    private static String firstLine(JsonProcessingException e) {
        return e.getOriginalMessage().lines().findFirst().orElse("");
    }

    /** The fields of a mapping as words of options. */
    static Map<String, List<String>> words(JsonNode node, String where) {
        if (!node.isObject()) {
            throw new ConfigurationException(where + ": a mapping of option names to values is expected");
        }
        Map<String, List<String>> words = new LinkedHashMap<>();
        node.fieldNames().forEachRemaining(name -> words.put(name, valueWords(node.get(name))));
        return words;
    }

    private static List<String> valueWords(JsonNode value) {
        if (value.isArray()) {
            List<String> words = new ArrayList<>();
            value.forEach(element -> words.add(element.isValueNode() ? element.asText() : element.toString()));
            return words;
        }
        if (value.isNull()) {
            return List.of();
        }
        return List.of(value.isValueNode() ? value.asText() : value.toString());
    }
}
