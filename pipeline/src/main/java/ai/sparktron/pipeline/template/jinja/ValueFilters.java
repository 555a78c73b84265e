package ai.sparktron.pipeline.template.jinja;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Map;

/** Filters over numbers and single values. */
final class ValueFilters {

    private ValueFilters() {
    }

    static void register(Map<String, Filters.Filter> table) {
        table.put("default", ValueFilters::orDefault);
        table.put("d", table.get("default"));
        table.put("tojson", ValueFilters::toJson);
        table.put("int", ValueFilters::toInteger);
        table.put("float", ValueFilters::toFloat);
        table.put("abs", (value, arguments) -> {
            arguments.bind("abs");
            return PythonNumbers.isNumber(value) && PythonValues.compare(value, 0L) < 0 ? Operators.negate(value) : Operators.plus(value);
        });
        table.put("round", ValueFilters::round);
        table.put("attr", (value, arguments) -> Attributes.onlyAttribute(value, Arguments.text("attr", arguments.bind("attr", "name")[0])));
    }

    private static Object orDefault(Object value, Arguments arguments) {
        Object[] values = arguments.bind("default", "default_value", "boolean");
        boolean falsy = PythonValues.truth(Arguments.or(values[1], false)) && !PythonValues.truth(value);
        return value instanceof Undefined || falsy ? Arguments.or(values[0], "") : value;
    }

    private static Object toJson(Object value, Arguments arguments) {
        Object[] values = arguments.bind("tojson", "ensure_ascii", "indent", "separators", "sort_keys");
        Object indent = Arguments.or(values[1], null);
        Object separators = Arguments.or(values[2], null);
        String step = indent == null ? null : indent instanceof String text ? text
                : " ".repeat((int) Math.max(0, Arguments.integer("tojson", indent)));
        String item = step == null ? ", " : ",";
        String key = ": ";
        if (separators != null) {
            java.util.List<Object> pair = PythonValues.list(separators);
            if (pair.size() != 2) {
                throw JinjaException.value("separators of tojson must be two texts, not " + PythonValues.repr(separators));
            }
            item = Arguments.text("tojson", pair.get(0));
            key = Arguments.text("tojson", pair.get(1));
        }
        return new PythonJson(PythonValues.truth(Arguments.or(values[0], false)), step, item, key,
                PythonValues.truth(Arguments.or(values[3], false))).text(value);
    }

    private static Object toInteger(Object value, Arguments arguments) {
        Object[] values = arguments.bind("int", "default", "base");
        Object fallback = Arguments.or(values[0], 0L);
        if (value instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (PythonNumbers.isInteger(value)) {
            return PythonNumbers.narrow(PythonNumbers.big(value));
        }
        Object whole = value instanceof String text
                ? PythonNumbers.parseInteger(text, (int) Arguments.integer("int", Arguments.or(values[1], 10L))) : null;
        if (whole != null) {
            return whole;
        }
        Double number = value instanceof String text ? PythonNumbers.parseFloat(text)
                : PythonNumbers.isNumber(value) ? (Double) PythonNumbers.asDouble(value) : null;
        if (number != null && number.isInfinite() && !(value instanceof String)) {
            throw JinjaException.value("cannot convert float infinity to integer");
        }
        return number == null || number.isNaN() || number.isInfinite() ? fallback
                : PythonNumbers.narrow(new BigDecimal(number).toBigInteger());
    }

    private static Object toFloat(Object value, Arguments arguments) {
        Object fallback = Arguments.or(arguments.bind("float", "default")[0], 0.0);
        if (value instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (PythonNumbers.isNumber(value)) {
            return PythonNumbers.asDouble(value);
        }
        Double number = value instanceof String text ? PythonNumbers.parseFloat(text) : null;
        return number == null ? fallback : number;
    }

    private static Object round(Object value, Arguments arguments) {
        Object[] values = arguments.bind("round", "precision", "method");
        int precision = (int) Arguments.integer("round", Arguments.or(values[0], 0L));
        Object method = Arguments.or(values[1], "common");
        if (value instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (!PythonNumbers.isNumber(value)) {
            throw JinjaException.type("round takes a number but got " + PythonValues.typeName(value));
        }
        if ("common".equals(method)) {
            if (PythonNumbers.isInteger(value)) {
                return precision >= 0 ? Operators.plus(value) : PythonNumbers.narrow(new BigDecimal(PythonNumbers.big(value))
                        .setScale(precision, RoundingMode.HALF_EVEN).toBigIntegerExact());
            }
            double number = PythonNumbers.asDouble(value);
            return Double.isNaN(number) || Double.isInfinite(number) ? number
                    : new BigDecimal(number).setScale(precision, RoundingMode.HALF_EVEN).doubleValue();
        }
        if (!"ceil".equals(method) && !"floor".equals(method)) {
            throw JinjaException.value("method of round must be common, ceil or floor, not " + PythonValues.repr(method));
        }
        Object scale = Operators.power(10L, (long) precision);
        double scaled = PythonNumbers.asDouble(Operators.multiply(value, scale));
        return ("ceil".equals(method) ? Math.ceil(scaled) : Math.floor(scaled)) / PythonNumbers.asDouble(scale);
    }
}
