package ai.sparktron.trainer.config;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * A YAML or JSON file of options under their names. JSON is YAML, so the ending of the name does not matter. Scalars are taken as they
 * are written, so that {@code 1e-5} or {@code on} mean what they mean on the command line; objects become JSON text.
 *
 * @param path local path
 */
record ConfigFile(String path) {

    private static final ObjectMapper JSON = new ObjectMapper();

    /** Words by option name. @throws ConfigurationException when the file is missing, broken, or not a mapping */
    Map<String, List<String>> read() {
        Path file = Path.of(path);
        if (!Files.isRegularFile(file)) {
            throw new ConfigurationException("--config " + path + ": there is no such file");
        }
        try {
            return words(Files.readString(file));
        } catch (MarkedYAMLException e) {
            String line = e.getProblemMark() == null ? "" : " in line " + (e.getProblemMark().getLine() + 1);
            throw new ConfigurationException("--config " + path + " is not valid YAML or JSON" + line + ": " + e.getProblem());
        } catch (YAMLException e) {
            throw new ConfigurationException("--config " + path + " is not valid YAML or JSON: " + e.getMessage());
        } catch (IOException e) {
            throw new ConfigurationException("--config " + path + " cannot be read: " + e);
        }
    }

    private Map<String, List<String>> words(String text) {
        LoaderOptions loading = new LoaderOptions();
        loading.setAllowDuplicateKeys(false);
        Yaml yaml = new Yaml(new SafeConstructor(loading));
        Object typed = yaml.load(text);
        if (!(yaml.compose(new StringReader(text)) instanceof MappingNode mapping) || !(typed instanceof Map<?, ?> values)) {
            throw new ConfigurationException("--config " + path + ": a mapping of option names to values is expected");
        }
        Map<String, List<String>> words = new LinkedHashMap<>();
        for (NodeTuple tuple : mapping.getValue()) {
            String name = ((ScalarNode) tuple.getKeyNode()).getValue();
            words.put(name, nodeWords(tuple.getValueNode(), values.get(name)));
        }
        return words;
    }

    private static List<String> nodeWords(Node node, Object typed) {
        if (node instanceof ScalarNode scalar) {
            return scalar.getTag().equals(Tag.NULL) ? List.of("") : List.of(scalar.getValue());
        }
        if (node instanceof SequenceNode sequence) {
            List<String> words = new ArrayList<>();
            for (int i = 0; i < sequence.getValue().size(); i++) {
                words.addAll(nodeWords(sequence.getValue().get(i), ((List<?>) typed).get(i)));
            }
            return words;
        }
        return List.of(JSON.valueToTree(typed).toString());
    }

    /** The fields of a JSON object as words of options. */
    static Map<String, List<String>> words(JsonNode node, String where) {
        if (!node.isObject()) {
            throw new ConfigurationException(where + ": an object of option names to values is expected");
        }
        Map<String, List<String>> words = new LinkedHashMap<>();
        node.fieldNames().forEachRemaining(name -> words.put(name, valueWords(node.get(name))));
        return words;
    }

    private static List<String> valueWords(JsonNode value) {
        if (value.isArray()) {
            List<String> words = new ArrayList<>();
            value.forEach(element -> words.addAll(valueWords(element)));
            return words;
        }
        if (value.isNull()) {
            return List.of();
        }
        return List.of(value.isValueNode() ? value.asText() : value.toString());
    }
}
