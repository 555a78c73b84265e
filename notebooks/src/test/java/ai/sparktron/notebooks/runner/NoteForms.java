package ai.sparktron.notebooks.runner;

import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** What notes know as {@code z}: the forms at the top of a paragraph, filled in. */
public final class NoteForms {

    private final Map<String, String> values;
    private final Set<String> asked = new TreeSet<>();

    NoteForms(Map<String, String> values) {
        this.values = Map.copyOf(values);
    }

    /** A text field: what was filled in, else the value it starts with. */
    public Object textbox(String name, String value) {
        asked.add(name);
        return values.getOrDefault(name, value);
    }

    /** Fields that were filled in but that the note does not have. */
    Set<String> neverAsked() {
        Set<String> left = new TreeSet<>(values.keySet());
        left.removeAll(asked);
        return left;
    }
}
