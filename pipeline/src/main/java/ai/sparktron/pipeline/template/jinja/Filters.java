package ai.sparktron.pipeline.template.jinja;

import ai.sparktron.pipeline.template.jinja.JinjaException.Kind;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;

/** The table of Jinja's filters; what they do is in the classes for text, sequences and numbers. */
final class Filters {

    /** A filter by name. */
    @FunctionalInterface
    interface Filter {
        Object apply(Object value, Arguments arguments);
    }

    static final Map<String, Filter> TABLE;

    static {
        Map<String, Filter> table = new HashMap<>();
        TextFilters.register(table);
        SequenceFilters.register(table);
        SelectFilters.register(table);
        ValueFilters.register(table);
        TABLE = Collections.unmodifiableMap(table);
    }

    private Filters() {
    }

    /** @throws JinjaException if there is no such filter here */
    static Filter find(String name) {
        Filter filter = TABLE.get(name);
        if (filter == null) {
            throw new JinjaException(Kind.UNSUPPORTED, "no filter named '" + name + "': expected one of " + new TreeSet<>(TABLE.keySet()));
        }
        return filter;
    }
}
