package ai.sparktron.pipeline.template.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** Python's operators over template values. */
final class Operators {

    private static final long MAX_REPEATED = 16 << 20;

    private Operators() {
    }

    static Object add(Object a, Object b) {
        if (a instanceof String left && b instanceof String right) {
            return left.concat(right);
        }
        if (a instanceof Long x && b instanceof Long y) {
            long sum = x + y;
            return ((x ^ sum) & (y ^ sum)) < 0 ? (Object) BigInteger.valueOf(x).add(BigInteger.valueOf(y)) : sum;
        }
        if (PythonNumbers.isInteger(a) && PythonNumbers.isInteger(b)) {
            return PythonNumbers.narrow(PythonNumbers.big(a).add(PythonNumbers.big(b)));
        }
        if (PythonNumbers.isNumber(a) && PythonNumbers.isNumber(b)) {
            return PythonNumbers.asDouble(a) + PythonNumbers.asDouble(b);
        }
        if (a instanceof List<?> left && b instanceof List<?> right && a instanceof PythonTuple == b instanceof PythonTuple
                && !(a instanceof PythonRange) && !(b instanceof PythonRange)) {
            List<Object> joined = new ArrayList<>(left);
            joined.addAll(right);
            return a instanceof PythonTuple ? new PythonTuple(joined) : joined;
        }
        throw unfit("+", a, b);
    }

    static Object subtract(Object a, Object b) {
        if (PythonNumbers.isInteger(a) && PythonNumbers.isInteger(b)) {
            return PythonNumbers.narrow(PythonNumbers.big(a).subtract(PythonNumbers.big(b)));
        }
        if (PythonNumbers.isNumber(a) && PythonNumbers.isNumber(b)) {
            return PythonNumbers.asDouble(a) - PythonNumbers.asDouble(b);
        }
        throw unfit("-", a, b);
    }

    static Object multiply(Object a, Object b) {
        if (PythonNumbers.isInteger(a) && PythonNumbers.isInteger(b)) {
            return PythonNumbers.narrow(PythonNumbers.big(a).multiply(PythonNumbers.big(b)));
        }
        if (PythonNumbers.isNumber(a) && PythonNumbers.isNumber(b)) {
            return PythonNumbers.asDouble(a) * PythonNumbers.asDouble(b);
        }
        if (PythonNumbers.isInteger(a)) {
            return repeat(b, a);
        }
        return PythonNumbers.isInteger(b) ? repeat(a, b) : fail("*", a, b);
    }

    private static Object repeat(Object sequence, Object count) {
        int size = sequence instanceof String text ? text.length() : sequence instanceof List<?> list ? list.size() : -1;
        if (size < 0 || sequence instanceof PythonRange) {
            throw unfit("*", sequence, count);
        }
        long times = PythonNumbers.big(count).max(BigInteger.ZERO).min(BigInteger.valueOf(Integer.MAX_VALUE)).longValue();
        if (times * size > MAX_REPEATED) {
            throw new JinjaException(JinjaException.Kind.LIMIT, "'*' would make " + times * size + " items: the most allowed is " + MAX_REPEATED);
        }
        if (sequence instanceof String text) {
            return text.repeat((int) times);
        }
        List<Object> repeated = new ArrayList<>();
        Collections.nCopies(size == 0 ? 0 : (int) times, (List<?>) sequence).forEach(repeated::addAll);
        return sequence instanceof PythonTuple ? new PythonTuple(repeated) : repeated;
    }

    static Object divide(Object a, Object b) {
        numbers("/", a, b);
        zero(b);
        return PythonNumbers.asDouble(a) / PythonNumbers.asDouble(b);
    }

    static Object floorDivide(Object a, Object b) {
        numbers("//", a, b);
        zero(b);
        return PythonNumbers.isInteger(a) && PythonNumbers.isInteger(b)
                ? PythonNumbers.narrow(PythonNumbers.floorDivide(PythonNumbers.big(a), PythonNumbers.big(b)))
                : (Object) Math.floor(PythonNumbers.asDouble(a) / PythonNumbers.asDouble(b));
    }

    static Object modulo(Object a, Object b) {
        if (a instanceof String format) {
            return PercentFormat.format(format, b);
        }
        numbers("%", a, b);
        zero(b);
        if (PythonNumbers.isInteger(a) && PythonNumbers.isInteger(b)) {
            BigInteger divisor = PythonNumbers.big(b);
            BigInteger quotient = PythonNumbers.floorDivide(PythonNumbers.big(a), divisor);
            return PythonNumbers.narrow(PythonNumbers.big(a).subtract(quotient.multiply(divisor)));
        }
        return PythonNumbers.modulo(PythonNumbers.asDouble(a), PythonNumbers.asDouble(b));
    }

    static Object power(Object a, Object b) {
        numbers("**", a, b);
        if (PythonNumbers.isInteger(a) && PythonNumbers.isInteger(b) && PythonNumbers.big(b).signum() >= 0) {
            return PythonNumbers.narrow(integerPower(PythonNumbers.big(a), PythonNumbers.big(b)));
        }
        if (PythonNumbers.asDouble(a) == 0 && PythonNumbers.asDouble(b) < 0) {
            throw JinjaException.value("0 cannot be raised to a negative power");
        }
        double result = Math.pow(PythonNumbers.asDouble(a), PythonNumbers.asDouble(b));
        if (Double.isNaN(result) && !Double.isNaN(PythonNumbers.asDouble(a)) && !Double.isNaN(PythonNumbers.asDouble(b))) {
            throw JinjaException.value("'**' gives a complex number, which templates do not have");
        }
        return result;
    }

    private static BigInteger integerPower(BigInteger base, BigInteger exponent) {
        if (exponent.bitLength() <= 12) {
            return base.pow(exponent.intValue());
        }
        if (base.abs().bitLength() > 1) {
            throw new JinjaException(JinjaException.Kind.LIMIT, "'**' with exponent " + exponent + ": the largest allowed is 4095");
        }
        return base.signum() < 0 && !exponent.testBit(0) ? base.negate() : base;
    }

    static Object negate(Object value) {
        if (PythonNumbers.isInteger(value)) {
            return PythonNumbers.narrow(PythonNumbers.big(value).negate());
        }
        return PythonNumbers.isNumber(value) ? -PythonNumbers.asDouble(value) : fail("unary -", value, value);
    }

    static Object plus(Object value) {
        return PythonNumbers.isInteger(value) ? PythonNumbers.narrow(PythonNumbers.big(value))
                : PythonNumbers.isNumber(value) ? value : fail("unary +", value, value);
    }

    /** {@code item in container}. */
    static boolean contains(Object container, Object item) {
        if (container instanceof String text) {
            if (item instanceof String part) {
                return text.contains(part);
            }
            throw item instanceof Undefined undefined ? undefined.used()
                    : JinjaException.type("'in <str>' requires str as left operand, not " + PythonValues.typeName(item));
        }
        if (container instanceof Map<?, ?> map) {
            return Attributes.holds(map, PythonValues.hashable(item));
        }
        for (java.util.Iterator<Object> values = PythonValues.iterator(container); values.hasNext(); ) {
            if (PythonValues.equal(values.next(), item)) {
                return true;
            }
        }
        return false;
    }

    private static void numbers(String operator, Object a, Object b) {
        if (!PythonNumbers.isNumber(a) || !PythonNumbers.isNumber(b)) {
            throw unfit(operator, a, b);
        }
    }

    private static void zero(Object divisor) {
        if (PythonNumbers.asDouble(divisor) == 0) {
            throw JinjaException.value("division by zero");
        }
    }

    private static Object fail(String operator, Object a, Object b) {
        throw unfit(operator, a, b);
    }

    private static JinjaException unfit(String operator, Object a, Object b) {
        if (a instanceof Undefined undefined) {
            return undefined.used();
        }
        if (b instanceof Undefined undefined) {
            return undefined.used();
        }
        return JinjaException.type("'" + operator + "' is not defined between " + PythonValues.typeName(a) + " and " + PythonValues.typeName(b)
                + (operator.equals("+") && (a instanceof String || b instanceof String) ? ": use ~ to join a text with another value" : ""));
    }
}
