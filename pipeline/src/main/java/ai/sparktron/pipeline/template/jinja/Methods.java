package ai.sparktron.pipeline.template.jinja;

import ai.sparktron.pipeline.template.jinja.JinjaException.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Methods of lists, tuples, dicts and numbers; those of strings are in {@link TextMethods}. */
final class Methods {

    private static final Set<String> NUMBER_METHODS = Set.of("as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator",
            "from_bytes", "fromhex", "hex", "imag", "is_integer", "numerator", "real", "to_bytes");
    private static final Set<String> ITERATOR_METHODS = Set.of("send", "throw", "close", "gi_frame", "mapping", "isdisjoint", "start", "stop",
            "step", "fromkeys");

    private Methods() {
    }

    /** The bound method, or null where the type has none of that name. */
    static Callable find(Object value, String name) {
        if (value instanceof String text) {
            return TextMethods.find(text, name);
        }
        if (value instanceof Map<?, ?> map) {
            return name.equals("fromkeys") ? unsupported(value, name) : ofDict(map, name);
        }
        if (value instanceof List<?> list) {
            return value instanceof PythonRange && ITERATOR_METHODS.contains(name) ? unsupported(value, name) : ofList(list, name);
        }
        if (PythonNumbers.isNumber(value) && NUMBER_METHODS.contains(name)
                || (value instanceof PythonIterator || value instanceof PythonView) && ITERATOR_METHODS.contains(name)) {
            return unsupported(value, name);
        }
        return null;
    }

    /** A method that Python has and this engine has not: using it is an error, not an undefined. */
    static Callable unsupported(Object value, String name) {
        throw new JinjaException(Kind.UNSUPPORTED, "'" + name + "' of a " + PythonValues.typeName(value) + " is not supported in chat templates");
    }

    private static Callable ofDict(Map<?, ?> map, String name) {
        return switch (name) {
            case "keys" -> arguments -> view(arguments, "dict_keys", new ArrayList<>(map.keySet()));
            case "values" -> arguments -> view(arguments, "dict_values", new ArrayList<>(map.values()));
            case "items" -> arguments -> view(arguments, "dict_items", items(map));
            case "get" -> arguments -> {
                Object[] values = arguments.exactly("get", 1, "key", "default");
                return Attributes.holds(map, values[0]) ? Attributes.item(map, values[0]) : Arguments.or(values[1], null);
            };
            case "copy" -> arguments -> {
                arguments.exactly("copy", 0);
                return new java.util.LinkedHashMap<Object, Object>(map);
            };
            default -> null;
        };
    }

    private static PythonView view(Arguments arguments, String name, List<Object> items) {
        arguments.exactly(name.substring("dict_".length()), 0);
        return new PythonView(name, items);
    }

    static List<Object> items(Map<?, ?> map) {
        List<Object> items = new ArrayList<>(map.size());
        map.forEach((key, value) -> items.add(PythonTuple.of(key, value)));
        return items;
    }

    private static Callable ofList(List<?> list, String name) {
        return switch (name) {
            case "count" -> arguments -> {
                Object wanted = arguments.exactly("count", 1, "value")[0];
                return list.stream().filter(item -> PythonValues.equal(item, wanted)).count();
            };
            case "index" -> arguments -> index(list, arguments.exactly("index", 1, "value", "start", "stop"));
            case "copy" -> list instanceof PythonTuple || list instanceof PythonRange ? null : arguments -> {
                arguments.exactly("copy", 0);
                return new ArrayList<Object>(list);
            };
            default -> null;
        };
    }

    private static Object index(List<?> list, Object[] values) {
        long start = values[1] == Arguments.ABSENT ? 0 : Arguments.integer("index", values[1]);
        long stop = values[2] == Arguments.ABSENT ? list.size() : Arguments.integer("index", values[2]);
        start = start < 0 ? Math.max(0, start + list.size()) : start;
        stop = stop < 0 ? stop + list.size() : Math.min(stop, list.size());
        for (long i = start; i < stop; i++) {
            if (PythonValues.equal(list.get((int) i), values[0])) {
                return i;
            }
        }
        throw JinjaException.value(PythonValues.repr(values[0]) + " is not in list");
    }
}
