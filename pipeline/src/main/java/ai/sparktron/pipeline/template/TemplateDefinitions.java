package ai.sparktron.pipeline.template;

import ai.sparktron.pipeline.dataset.RowValues;
import ai.sparktron.pipeline.template.TemplateDefinition.SystemPlace;
import ai.sparktron.pipeline.template.TemplateDefinition.Thinking;
import ai.sparktron.pipeline.template.TemplateDefinition.ToolFormat;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Reads {@code templates.json}; a definition that {@code extends} another takes over what it does not say itself. */
final class TemplateDefinitions {

    private static final String RESOURCE = "templates.json";
    private static final Set<String> KEYS = Set.of("aliases", "begin", "system", "system_place", "always_system", "later_system", "default_system",
            "user", "assistant", "suffix", "after", "trim", "stop", "thinking", "history_think_strip", "response_prefix", "non_thinking_prefix",
            "tools", "extends");

    private TemplateDefinitions() {
    }

    /** All definitions in the file's order. */
    static List<TemplateDefinition> load() {
        Map<?, ?> file;
        try (InputStream in = TemplateDefinitions.class.getResourceAsStream(RESOURCE)) {
            file = (Map<?, ?>) RowValues.parseJson(new String(in.readAllBytes(), StandardCharsets.UTF_8), RESOURCE);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the resource " + RESOURCE, e);
        }
        List<TemplateDefinition> definitions = new ArrayList<>();
        file.keySet().forEach(name -> definitions.add(definition((String) name, merged(file, (String) name))));
        return List.copyOf(definitions);
    }

    private static Map<String, Object> merged(Map<?, ?> file, String name) {
        if (!(file.get(name) instanceof Map<?, ?> own)) {
            throw new IllegalStateException(RESOURCE + " has no template '" + name + "'");
        }
        Map<String, Object> all = new LinkedHashMap<>();
        if (own.get("extends") instanceof String parent) {
            all.putAll(merged(file, parent));
            all.remove("aliases");
        }
        own.forEach((key, value) -> {
            if (!KEYS.contains(key)) {
                throw new IllegalStateException(RESOURCE + ": template '" + name + "' has the unknown key '" + key + "': expected one of " + KEYS);
            }
            all.put((String) key, value);
        });
        return all;
    }

    private static TemplateDefinition definition(String name, Map<String, Object> of) {
        return new TemplateDefinition(name, texts(of, "aliases"), text(of, "begin", ""), text(of, "system", null),
                choice(SystemPlace.class, text(of, "system_place", "before_turns")), flag(of, "always_system"), text(of, "later_system", null),
                text(of, "default_system", null), text(of, "user", null), text(of, "assistant", ""), text(of, "suffix", null),
                text(of, "after", ""), flag(of, "trim"), texts(of, "stop"), choice(Thinking.class, text(of, "thinking", "never")),
                text(of, "history_think_strip", ""), text(of, "response_prefix", ""), text(of, "non_thinking_prefix", ""),
                choice(ToolFormat.class, text(of, "tools", "none")));
    }

    private static String text(Map<String, Object> of, String key, String fallback) {
        return of.containsKey(key) ? (String) of.get(key) : fallback;
    }

    private static boolean flag(Map<String, Object> of, String key) {
        return Boolean.TRUE.equals(of.get(key));
    }

    private static List<String> texts(Map<String, Object> of, String key) {
        return of.get(key) instanceof List<?> list ? list.stream().map(String.class::cast).toList() : List.of();
    }

    private static <E extends Enum<E>> E choice(Class<E> type, String name) {
        return Enum.valueOf(type, name.toUpperCase(Locale.ROOT));
    }
}
