package ai.sparktron.pipeline.template.jinja;

import ai.sparktron.pipeline.template.jinja.JinjaException.Kind;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * Python's view of template values. None is null; bool Boolean; int Long or BigInteger; float Double; str String; list {@code List}; dict
 * {@code Map}; beside them the types of this package.
 */
final class PythonValues {

    private static final int MAX_NESTING = 200;

    private PythonValues() {
    }

    static boolean truth(Object value) {
        if (value instanceof Boolean flag) {
            return flag;
        }
        if (value == null || value instanceof Undefined) {
            return false;
        }
        if (value instanceof String || value instanceof Markup) {
            return !str(value).isEmpty();
        }
        if (value instanceof List<?> list) {
            return !list.isEmpty();
        }
        if (value instanceof Map<?, ?> map) {
            return !map.isEmpty();
        }
        if (value instanceof PythonView view) {
            return !view.items().isEmpty();
        }
        if (value instanceof BigInteger) {
            return true;
        }
        return !(value instanceof Number number) || number.doubleValue() != 0;
    }

    static String typeName(Object value) {
        return value == null ? "NoneType" : value instanceof String ? "str" : value instanceof Boolean ? "bool"
                : PythonNumbers.isInteger(value) ? "int" : value instanceof Number ? "float" : value instanceof PythonTuple ? "tuple"
                : value instanceof PythonRange ? "range" : value instanceof List ? "list" : value instanceof Map ? "dict"
                : value instanceof PythonView view ? view.name() : value instanceof PythonIterator ? "generator"
                : value instanceof Callable ? "function" : value.getClass().getSimpleName();
    }

    /** {@code str(value)}, which is also what {@code {{ }}} prints. */
    static String str(Object value) {
        return value instanceof String text ? text : value instanceof Markup markup ? markup.text() : value instanceof Undefined ? "" : repr(value);
    }

    static String repr(Object value) {
        StringBuilder out = new StringBuilder();
        repr(value, out, 0);
        return out.toString();
    }

    private static void repr(Object value, StringBuilder out, int depth) {
        if (depth > MAX_NESTING) {
            throw new JinjaException(Kind.LIMIT, "a value is nested deeper than " + MAX_NESTING + " levels: it cannot be printed");
        }
        if (value == null) {
            out.append("None");
        } else if (value instanceof String text) {
            out.append(PythonText.repr(text));
        } else if (value instanceof Boolean flag) {
            out.append(flag ? "True" : "False");
        } else if (PythonNumbers.isInteger(value)) {
            out.append(PythonNumbers.big(value));
        } else if (value instanceof Number number) {
            out.append(PythonNumbers.repr(number.doubleValue()));
        } else if (value instanceof PythonRange range) {
            out.append(range);
        } else if (value instanceof PythonTuple tuple) {
            list(tuple, "(", tuple.size() == 1 ? ",)" : ")", out, depth);
        } else if (value instanceof List<?> list) {
            list(list, "[", "]", out, depth);
        } else if (value instanceof Map<?, ?> map) {
            map(map, out, depth);
        } else if (value instanceof PythonView view) {
            list(view.items(), view.name() + "([", "])", out, depth);
        } else if (value instanceof Namespace namespace) {
            out.append("<Namespace ");
            map(namespace.attributes(), out, depth);
            out.append('>');
        } else if (value instanceof Undefined) {
            out.append("Undefined");
        } else if (value instanceof LoopState loop) {
            out.append(loop);
        } else if (value instanceof Macro macro) {
            out.append(macro);
        } else {
            throw JinjaException.type("a " + typeName(value) + " has no printed form of its own: use |list or call it");
        }
    }

    private static void list(List<?> list, String open, String close, StringBuilder out, int depth) {
        out.append(open);
        String separator = "";
        for (Object item : list) {
            out.append(separator);
            repr(item, out, depth + 1);
            separator = ", ";
        }
        out.append(close);
    }

    private static void map(Map<?, ?> map, StringBuilder out, int depth) {
        String separator = "{";
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            out.append(separator);
            repr(entry.getKey(), out, depth + 1);
            out.append(": ");
            repr(entry.getValue(), out, depth + 1);
            separator = ", ";
        }
        out.append(map.isEmpty() ? "{}" : "}");
    }

    static boolean equal(Object a, Object b) {
        if (a == b) {
            return !(a instanceof Double number && number.isNaN());
        }
        if (a == null || b == null) {
            return false;
        }
        if (PythonNumbers.isNumber(a) && PythonNumbers.isNumber(b)) {
            return !Double.isNaN(PythonNumbers.asDouble(a)) && !Double.isNaN(PythonNumbers.asDouble(b)) && PythonNumbers.compare(a, b) == 0;
        }
        if (a instanceof PythonRange || b instanceof PythonRange) {
            return a instanceof PythonRange && b instanceof PythonRange && a.equals(b);
        }
        if (a instanceof List<?> left && b instanceof List<?> right) {
            return a instanceof PythonTuple == b instanceof PythonTuple && equalItems(left, right);
        }
        if (a instanceof Map<?, ?> left && b instanceof Map<?, ?> right) {
            return left.size() == right.size() && left.entrySet().stream().allMatch(entry -> right.containsKey(entry.getKey())
                    && equal(entry.getValue(), right.get(entry.getKey())));
        }
        if (a instanceof Markup || b instanceof Markup) {
            return (a instanceof Markup || a instanceof String) && (b instanceof Markup || b instanceof String) && str(a).equals(str(b));
        }
        return a instanceof Undefined && b instanceof Undefined || a.equals(b);
    }

    private static boolean equalItems(List<?> left, List<?> right) {
        if (left.size() != right.size()) {
            return false;
        }
        for (int i = 0; i < left.size(); i++) {
            if (!equal(left.get(i), right.get(i))) {
                return false;
            }
        }
        return true;
    }

    /** The value itself if a dict could have it as a key, otherwise an error. */
    static Object hashable(Object value) {
        if (value instanceof PythonTuple tuple) {
            tuple.forEach(PythonValues::hashable);
        } else if (value instanceof Map || value instanceof List && !(value instanceof PythonRange)) {
            throw JinjaException.type("unhashable type: '" + typeName(value) + "'");
        }
        return value;
    }

    /** Order as Python's {@code <}; values without an order between them are an error. */
    static int compare(Object a, Object b) {
        if (PythonNumbers.isNumber(a) && PythonNumbers.isNumber(b)) {
            return PythonNumbers.compare(a, b);
        }
        if (a instanceof String left && b instanceof String right) {
            return PythonText.compare(left, right);
        }
        if (a instanceof List<?> left && b instanceof List<?> right && a instanceof PythonTuple == b instanceof PythonTuple
                && !(a instanceof PythonRange) && !(b instanceof PythonRange)) {
            for (int i = 0; i < Math.min(left.size(), right.size()); i++) {
                if (!equal(left.get(i), right.get(i))) {
                    return compare(left.get(i), right.get(i));
                }
            }
            return Integer.compare(left.size(), right.size());
        }
        if (a instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (b instanceof Undefined undefined) {
            throw undefined.used();
        }
        throw JinjaException.type("'<' and its like are not defined between " + typeName(a) + " and " + typeName(b));
    }

    /** The values a loop over {@code value} sees. */
    static Iterator<Object> iterator(Object value) {
        if (value instanceof PythonIterator iterator) {
            return iterator.values();
        }
        List<Object> items = sequence(value);
        if (items == null) {
            throw JinjaException.type("'" + typeName(value) + "' object is not iterable");
        }
        return items.iterator();
    }

    /** All values a loop over {@code value} sees; takes everything from an iterator. */
    static List<Object> list(Object value) {
        List<Object> items = new ArrayList<>();
        iterator(value).forEachRemaining(items::add);
        return items;
    }

    @SuppressWarnings("unchecked")
    private static List<Object> sequence(Object value) {
        if (value instanceof List<?> list) {
            return (List<Object>) list;
        }
        if (value instanceof Map<?, ?> map) {
            return new ArrayList<>(map.keySet());
        }
        if (value instanceof String text) {
            return PythonText.characters(text);
        }
        if (value instanceof PythonView view) {
            return view.items();
        }
        return value instanceof Undefined ? List.of() : null;
    }

    static boolean isIterable(Object value) {
        return value instanceof PythonIterator || value instanceof LoopState || sequence(value) != null;
    }

    /** {@code len(value)}. */
    static long length(Object value) {
        if (value instanceof String || value instanceof Markup) {
            return PythonText.length(str(value));
        }
        if (value instanceof LoopState loop) {
            return loop.length();
        }
        List<Object> items = value instanceof PythonIterator ? null : sequence(value);
        if (items == null) {
            throw JinjaException.type("object of type '" + typeName(value) + "' has no len()");
        }
        return items.size();
    }
}
