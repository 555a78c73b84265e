package ai.sparktron.trainer.config;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * {@code args.json}: every option of the command with its value in force, under its first spelling, beside {@code format},
 * {@code command} and {@code given} (the names that were not left at their defaults). Secrets are left out.
 */
public final class ArgsFile {

    /** Name of the file in a run's directory. */
    public static final String NAME = "args.json";

    private static final String FORMAT = "sparktron.args/1";
    private static final ObjectMapper JSON = new ObjectMapper();

    private ArgsFile() {
    }

    /** The options as text for a run's directory, without secrets. */
    public static String toPublicJson(Options options) {
        return pretty(toNode(options, entry -> !entry.option().secret()));
    }

    /** The options as text, secrets included; for memory and wires, not for files. */
    static String toJson(Options options) {
        return toNode(options, entry -> true).toString();
    }

    private static ObjectNode toNode(Options options, java.util.function.Predicate<OptionEntry> kept) {
        ObjectNode root = JSON.createObjectNode();
        root.put("format", FORMAT);
        root.put("command", options.command().word());
        ArrayNode given = root.putArray("given");
        new TreeSet<>(options.given()).forEach(given::add);
        for (OptionEntry entry : OptionTable.of(options.command())) {
            if (kept.test(entry)) {
                root.set(entry.name(), valueNode(entry, entry.valueIn(options)));
            }
        }
        return root;
    }

    private static JsonNode valueNode(OptionEntry entry, Object value) {
        List<Object> scalars = entry.type().scalars(value);
        if (entry.type().form() == OptionType.Form.LIST) {
            ArrayNode array = JSON.createArrayNode();
            scalars.forEach(scalar -> array.add(scalarNode(scalar)));
            return array;
        }
        return scalars.isEmpty() ? JSON.nullNode() : scalarNode(scalars.get(0));
    }

    private static JsonNode scalarNode(Object scalar) {
        if (scalar instanceof Enum<?> constant) {
            return JSON.getNodeFactory().textNode(constant.name().toLowerCase(java.util.Locale.ROOT));
        }
        return JSON.valueToTree(scalar);
    }

    private static String pretty(ObjectNode node) {
        try {
            return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(node) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("options cannot be written as JSON", e);
        }
    }

    /** Whether a file is there and is one of ours, not another tool's of the same name. */
    public static boolean isOurs(Path file) {
        try {
            return Files.isRegularFile(file) && FORMAT.equals(JSON.readTree(file.toFile()).path("format").asText());
        } catch (IOException e) {
            return false;
        }
    }

    /** Reads a run's {@code args.json}. @throws ConfigurationException when it is missing, broken or of another format */
    public static Options read(Path file) {
        try {
            return fromJson(Files.readString(file, StandardCharsets.UTF_8), file.toString());
        } catch (IOException e) {
            throw new ConfigurationException(file + " cannot be read: " + e);
        }
    }

    /**
     * Options from the text of an {@code args.json}.
     *
     * @param where the file, for messages
     */
    public static Options fromJson(String text, String where) {
        JsonNode root;
        try {
            root = JSON.readTree(text);
        } catch (JsonProcessingException e) {
            throw new ConfigurationException(where + " is not JSON: " + e.getOriginalMessage());
        }
        if (!FORMAT.equals(root.path("format").asText())) {
            throw new ConfigurationException(where + ": format '" + root.path("format").asText() + "', expected " + FORMAT);
        }
        Command command = Command.of(root.path("command").asText())
                .orElseThrow(() -> new ConfigurationException(where + ": unknown command '" + root.path("command").asText() + "'"));
        Set<String> given = new TreeSet<>();
        root.path("given").forEach(name -> given.add(name.asText()));
        Map<String, List<String>> words = ConfigFile.words(root, where);
        List.of("format", "command", "given").forEach(words::remove);
        return OptionParser.fromValues(command, words, where, given);
    }

    /** The given options with some changed, by any spelling. */
    static Options changed(Options options, Map<String, String> values) {
        Map<String, List<String>> words = new LinkedHashMap<>();
        for (OptionEntry entry : OptionTable.of(options.command())) {
            words.put(entry.name(), entry.type().words(entry.valueIn(options)));
        }
        Set<String> given = new TreeSet<>(options.given());
        values.forEach((spelling, value) -> {
            OptionEntry changed = OptionTable.find(options.command(), spelling)
                    .orElseThrow(() -> new ConfigurationException(Suggestions.unknown(options.command(), spelling, "Options.with")));
            words.remove(changed.name());
            boolean list = changed.type().form() == OptionType.Form.LIST;
            words.put(spelling, list ? List.of(value.trim().split("\\s+")) : List.of(value));
            given.add(changed.name());
        });
        return OptionParser.fromValues(options.command(), words, "Options.with", given);
    }
}
