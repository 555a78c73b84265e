package ai.sparktron.pipeline.template.jinja;

import java.util.HashMap;
import java.util.Map;

/** Variables by block: a loop, macro or {@code with} sees what is around it and keeps what it sets to itself. */
final class Scope {

    private final Scope parent;
    private final Rendering rendering;
    private final Map<String, Object> variables = new HashMap<>(8);

    Scope(Rendering rendering) {
        this.parent = null;
        this.rendering = rendering;
    }

    private Scope(Scope parent) {
        this.parent = parent;
        this.rendering = parent.rendering;
    }

    Scope inner() {
        return new Scope(this);
    }

    Rendering rendering() {
        return rendering;
    }

    void set(String name, Object value) {
        variables.put(name, value);
    }

    Object get(String name) {
        for (Scope scope = this; scope != null; scope = scope.parent) {
            Object value = scope.variables.get(name);
            if (value != null || scope.variables.containsKey(name)) {
                return value;
            }
        }
        return rendering.global(name);
    }
}
