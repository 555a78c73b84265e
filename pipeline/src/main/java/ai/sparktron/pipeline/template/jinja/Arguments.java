package ai.sparktron.pipeline.template.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Evaluated arguments of a call, filter or test. */
record Arguments(List<Object> positional, Map<String, Object> keywords) {

    static final Arguments NONE = new Arguments(List.of(), Map.of());

    /** Marks a parameter that got no argument; {@code null} is Python's None. */
    static final Object ABSENT = new Object();

    static Arguments of(Object... positional) {
        return new Arguments(java.util.Arrays.asList(positional), Map.of());
    }

    /** These arguments without the first {@code count} positional ones. */
    Arguments from(int count) {
        return new Arguments(positional.subList(count, positional.size()), keywords);
    }

    /**
     * Distributes the arguments over parameters.
     *
     * @param function name for the error
     * @return a value per parameter, {@link #ABSENT} where there is none
     */
    Object[] bind(String function, String... parameters) {
        if (positional.size() > parameters.length) {
            throw JinjaException.type(function + " takes at most " + parameters.length + " argument(s) but got " + positional.size());
        }
        Object[] values = new Object[parameters.length];
        java.util.Arrays.fill(values, ABSENT);
        for (int i = 0; i < positional.size(); i++) {
            values[i] = positional.get(i);
        }
        keywords.forEach((name, value) -> {
            int at = List.of(parameters).indexOf(name);
            if (at < 0) {
                throw JinjaException.type(function + " has no parameter '" + name + "': expected one of " + List.of(parameters));
            }
            if (values[at] != ABSENT) {
                throw JinjaException.type(function + " got two values for parameter '" + name + "'");
            }
            values[at] = value;
        });
        return values;
    }

    /** {@link #bind} for positional-only parameters of Python's built-in methods, of which the first {@code required} must be given. */
    Object[] exactly(String function, int required, String... parameters) {
        if (!keywords.isEmpty()) {
            throw JinjaException.type(function + " takes no keyword arguments but got " + keywords.keySet());
        }
        Object[] values = bind(function, parameters);
        require(function, values, required, parameters);
        return values;
    }

    static void require(String function, Object[] values, int required, String... parameters) {
        for (int i = 0; i < required; i++) {
            if (values[i] == ABSENT) {
                throw JinjaException.type(function + " misses its argument '" + parameters[i] + "'");
            }
        }
    }

    static Object or(Object value, Object fallback) {
        return value == ABSENT ? fallback : value;
    }

    static String text(String function, Object value) {
        if (value instanceof String text) {
            return text;
        }
        if (value instanceof Undefined undefined) {
            throw undefined.used();
        }
        throw JinjaException.type(function + " takes str but got " + PythonValues.typeName(value));
    }

    static long integer(String function, Object value) {
        if (value instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (!PythonNumbers.isInteger(value) || PythonNumbers.big(value).bitLength() >= Long.SIZE) {
            throw JinjaException.type(function + " takes int but got " + PythonValues.typeName(value));
        }
        return PythonNumbers.big(value).longValue();
    }

    /** Collects arguments while a call is evaluated. */
    static final class Builder {
        private final List<Object> positional = new ArrayList<>();
        private final Map<String, Object> keywords = new LinkedHashMap<>();

        void add(Object value) {
            positional.add(value);
        }

        void add(String name, Object value) {
            if (keywords.containsKey(name)) {
                throw JinjaException.type("got two values for keyword argument '" + name + "'");
            }
            keywords.put(name, value);
        }

        Arguments build() {
            return new Arguments(positional, keywords);
        }
    }
}
