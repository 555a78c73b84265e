package ai.sparktron.pipeline.template.jinja;

import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Jinja's tests: what may follow {@code is}. */
final class Tests {

    /** A test by name. */
    @FunctionalInterface
    interface Test {
        boolean holds(Object value, Arguments arguments);
    }

    private static final Map<String, Test> TABLE = Map.ofEntries(
            plain("defined", value -> !(value instanceof Undefined)),
            plain("undefined", value -> value instanceof Undefined),
            plain("none", value -> value == null),
            plain("boolean", value -> value instanceof Boolean),
            plain("true", value -> Boolean.TRUE.equals(value)),
            plain("false", value -> Boolean.FALSE.equals(value)),
            plain("integer", value -> PythonNumbers.isInteger(value) && !(value instanceof Boolean)),
            plain("float", value -> PythonNumbers.isNumber(value) && !PythonNumbers.isInteger(value)),
            plain("number", PythonNumbers::isNumber),
            plain("string", value -> value instanceof String || value instanceof Markup),
            plain("mapping", value -> value instanceof Map),
            plain("iterable", PythonValues::isIterable),
            plain("sequence", value -> value instanceof String || value instanceof Markup || value instanceof List
                    || value instanceof Map || value instanceof Undefined),
            plain("callable", value -> value instanceof Callable || value instanceof Undefined),
            plain("lower", value -> TextMethods.cased(PythonValues.str(value), true)),
            plain("upper", value -> TextMethods.cased(PythonValues.str(value), false)),
            plain("odd", value -> PythonValues.equal(Operators.modulo(number("odd", value), 2L), 1L)),
            plain("even", value -> PythonValues.equal(Operators.modulo(number("even", value), 2L), 0L)),
            plain("escaped", value -> false),
            plain("filter", value -> value instanceof String name && Filters.TABLE.containsKey(name)),
            plain("test", value -> value instanceof String name && Tests.has(name)),
            one("divisibleby", (value, other) -> PythonValues.equal(Operators.modulo(number("divisibleby", value), other), 0L)),
            one("eq", PythonValues::equal), one("equalto", PythonValues::equal), one("==", PythonValues::equal),
            one("ne", (a, b) -> !PythonValues.equal(a, b)), one("!=", (a, b) -> !PythonValues.equal(a, b)),
            one("lt", (a, b) -> PythonValues.compare(a, b) < 0), one("lessthan", (a, b) -> PythonValues.compare(a, b) < 0),
            one("<", (a, b) -> PythonValues.compare(a, b) < 0),
            one("le", (a, b) -> PythonValues.compare(a, b) <= 0), one("<=", (a, b) -> PythonValues.compare(a, b) <= 0),
            one("gt", (a, b) -> PythonValues.compare(a, b) > 0), one("greaterthan", (a, b) -> PythonValues.compare(a, b) > 0),
            one(">", (a, b) -> PythonValues.compare(a, b) > 0),
            one("ge", (a, b) -> PythonValues.compare(a, b) >= 0), one(">=", (a, b) -> PythonValues.compare(a, b) >= 0),
            one("in", (value, container) -> Operators.contains(container, value)),
            one("sameas", Tests::same));

    private Tests() {
    }

    private interface One {
        boolean holds(Object value);
    }

    private interface Two {
        boolean holds(Object value, Object other);
    }

    static boolean has(String name) {
        return TABLE.containsKey(name);
    }

    /** @throws JinjaException if there is no such test */
    static Test find(String name) {
        Test test = TABLE.get(name);
        if (test == null) {
            throw new JinjaException(JinjaException.Kind.UNSUPPORTED, "no test named '" + name + "': expected one of "
                    + new java.util.TreeSet<>(TABLE.keySet()));
        }
        return test;
    }

    private static Map.Entry<String, Test> plain(String name, One test) {
        return Map.entry(name, (value, arguments) -> {
            arguments.exactly("is " + name, 0);
            return test.holds(value);
        });
    }

    private static Map.Entry<String, Test> one(String name, Two test) {
        return Map.entry(name, (value, arguments) -> test.holds(value, arguments.exactly("is " + name.toLowerCase(Locale.ROOT), 1, "other")[0]));
    }

    private static Object number(String test, Object value) {
        if (value instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (!PythonNumbers.isNumber(value)) {
            throw JinjaException.type("'is " + test + "' takes a number but got " + PythonValues.typeName(value));
        }
        return value;
    }

    /** Identity, which for values that Python keeps one of is equality of type and value. */
    private static boolean same(Object a, Object b) {
        return a == b || a != null && b != null && a.getClass() == b.getClass() && !(a instanceof List) && !(a instanceof Map)
                && PythonValues.equal(a, b);
    }
}
