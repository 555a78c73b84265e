package ai.sparktron.pipeline.template.jinja;

import ai.sparktron.pipeline.template.jinja.JinjaException.Kind;
import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** {@code value.name}, {@code value[key]} and slices, in the order in which Jinja's sandbox tries them. */
final class Attributes {

    private static final Set<String> CHANGES = Set.of("append", "extend", "insert", "remove", "reverse", "sort", "clear", "pop", "popitem",
            "setdefault", "update");

    private Attributes() {
    }

    /** {@code value.name}: an attribute or method, else an item of that name. */
    static Object attribute(Object value, String name) {
        Object own = own(value, name);
        if (own != Arguments.ABSENT) {
            return own;
        }
        if (value instanceof Map<?, ?> map && map.containsKey(name)) {
            return map.get(name);
        }
        return missing(value, name);
    }

    /** {@code value[key]}: an item, else, for a text key, an attribute or method. */
    static Object item(Object value, Object key) {
        if (value instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (value instanceof Markup) {
            throw new JinjaException(Kind.UNSUPPORTED, "an item of the result of '|safe' or '|escape' is not supported");
        }
        if (value instanceof Map<?, ?> map && holds(map, key)) {
            return map.get(storedKey(map, key));
        }
        if (PythonNumbers.isInteger(key) && (value instanceof List<?> || value instanceof String)) {
            return element(value, PythonNumbers.big(key));
        }
        if (key instanceof String name) {
            Object own = own(value, name);
            return own != Arguments.ABSENT ? own : missing(value, name);
        }
        return missing(value, PythonValues.str(key));
    }

    private static Object element(Object value, BigInteger key) {
        long length = PythonValues.length(value);
        long index = key.bitLength() < Long.SIZE ? key.longValue() : Long.MAX_VALUE;
        index = index < 0 ? index + length : index;
        if (index < 0 || index >= length) {
            return new Undefined("index " + key + " is outside a " + PythonValues.typeName(value) + " of length " + length);
        }
        return value instanceof String text ? PythonText.at(text, (int) index) : ((List<?>) value).get((int) index);
    }

    /** Only the attribute, without falling back to items: the {@code attr} filter. */
    static Object onlyAttribute(Object value, String name) {
        Object own = own(value, name);
        return own != Arguments.ABSENT ? own : missing(value, name);
    }

    private static Object own(Object value, String name) {
        if (value instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (name.startsWith("__") && name.endsWith("__") && name.length() > 4) {
            return new Undefined(Kind.SECURITY, "access to '" + name + "' of a " + PythonValues.typeName(value) + " is not allowed in a template");
        }
        if (value instanceof Markup) {
            throw new JinjaException(Kind.UNSUPPORTED, "'" + name + "' of the result of '|safe' or '|escape' is not supported");
        }
        if (value instanceof Namespace namespace) {
            return namespace.attributes().getOrDefault(name, Arguments.ABSENT);
        }
        if (value instanceof LoopState loop) {
            return loop.attribute(name);
        }
        if (value instanceof PythonTuple tuple && tuple.fields().contains(name)) {
            return tuple.get(tuple.fields().indexOf(name));
        }
        if (value instanceof Macro macro && name.equals("name")) {
            return macro.name();
        }
        if ((value instanceof List<?> && !(value instanceof PythonTuple) && !(value instanceof PythonRange) || value instanceof Map<?, ?>)
                && CHANGES.contains(name) && (value instanceof List<?> ? !name.matches("popitem|setdefault|update")
                : !name.matches("append|extend|insert|remove|reverse|sort"))) {
            return new Undefined(Kind.SECURITY, "'" + name + "' changes a " + PythonValues.typeName(value)
                    + ", which a template may not do: build a new value with + or a namespace");
        }
        Callable method = Methods.find(value, name);
        return method == null ? Arguments.ABSENT : method;
    }

    private static Undefined missing(Object value, String name) {
        return new Undefined("'" + PythonValues.typeName(value) + " object' has no attribute '" + name + "'");
    }

    /** Whether a dict has a key, equal in Python's sense: {@code 1}, {@code 1.0} and {@code True} are one key. */
    static boolean holds(Map<?, ?> map, Object key) {
        return map.containsKey(storedKey(map, key));
    }

    /** The key under which a dict holds what equals {@code key}, or {@code key} itself. */
    static Object storedKey(Map<?, ?> map, Object key) {
        if (PythonNumbers.isNumber(key) && !map.containsKey(key)) {
            for (Object stored : map.keySet()) {
                if (PythonNumbers.isNumber(stored) && PythonValues.equal(stored, key)) {
                    return stored;
                }
            }
        }
        return key;
    }

    /** {@code value[start:stop:step]}; absent parts are null. */
    static Object slice(Object value, Object start, Object stop, Object step) {
        if (value instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (!(value instanceof String) && !(value instanceof List<?>)) {
            throw JinjaException.type("a " + PythonValues.typeName(value) + " cannot be sliced");
        }
        int length = (int) PythonValues.length(value);
        long stride = step == null ? 1 : bound(step);
        if (stride == 0) {
            throw JinjaException.value("slice step cannot be zero");
        }
        long from = start == null ? stride > 0 ? 0 : length - 1 : clamp(bound(start), length, stride);
        long to = stop == null ? stride > 0 ? length : -1 : clamp(bound(stop), length, stride);
        long count = stride > 0 ? from < to ? (to - from - 1) / stride + 1 : 0 : from > to ? (from - to - 1) / -stride + 1 : 0;
        if (value instanceof String text) {
            return count == 0 ? "" : PythonText.slice(text, (int) from, (int) stride, (int) count);
        }
        List<Object> items = new java.util.ArrayList<>((int) count);
        for (long i = 0; i < count; i++) {
            items.add(((List<?>) value).get((int) (from + i * stride)));
        }
        return value instanceof PythonTuple ? new PythonTuple(items) : items;
    }

    private static long bound(Object value) {
        if (value instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (!PythonNumbers.isInteger(value)) {
            throw JinjaException.type("slice indices must be integers or None, not " + PythonValues.typeName(value));
        }
        BigInteger limit = BigInteger.valueOf(Integer.MAX_VALUE);
        return PythonNumbers.big(value).min(limit).max(limit.negate()).longValue();
    }

    private static long clamp(long index, int length, long stride) {
        long absolute = index < 0 ? index + length : index;
        return stride > 0 ? Math.max(0, Math.min(absolute, length)) : Math.max(-1, Math.min(absolute, length - 1));
    }
}
