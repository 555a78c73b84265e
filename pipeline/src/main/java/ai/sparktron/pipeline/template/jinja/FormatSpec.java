package ai.sparktron.pipeline.template.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One value in a {@code %} or {@code {}} format. */
final class FormatSpec {

    private static final Pattern BRACE = Pattern.compile(
            "(?:(.)?([<>=^]))?([-+ ])?(#)?(0)?(\\d+)?([,_])?(?:\\.(\\d+))?([bcdeEfFgGnosxX%])?", Pattern.DOTALL);

    private FormatSpec() {
    }

    static String percent(String flags, String width, String precision, char type, Object value) {
        String body;
        boolean number = "diufFeEgGxXo".indexOf(type) >= 0;
        int digits = precision.isEmpty() ? -1 : Integer.parseInt(precision);
        if (type == 's' || type == 'r' || type == 'a') {
            body = type == 's' ? PythonValues.str(value) : PythonValues.repr(value);
            body = digits >= 0 && digits < PythonText.length(body) ? PythonText.slice(body, 0, 1, digits) : body;
        } else if (type == 'c') {
            body = value instanceof String text ? text : Character.toString((int) Arguments.integer("%c", value));
        } else if (number) {
            if (!PythonNumbers.isNumber(value)) {
                throw JinjaException.type("%" + type + " format: a number is required, not " + PythonValues.typeName(value));
            }
            boolean whole = "diu".indexOf(type) >= 0;
            Object plain = whole && !PythonNumbers.isInteger(value)
                    ? (Object) BigDecimal.valueOf(PythonNumbers.asDouble(value)).toBigInteger() : value;
            body = magnitude(plain, whole ? 'd' : type, digits, flags.contains("#"));
            body = sign(plain, flags.contains("+") ? "+" : flags.contains(" ") ? " " : "") + body;
        } else {
            throw JinjaException.value("unsupported format character '" + type + "'");
        }
        int columns = width.isEmpty() ? 0 : Integer.parseInt(width);
        if (flags.contains("-")) {
            return PythonText.pad(body, columns, " ", 0);
        }
        return number && flags.contains("0") ? zeroPad(body, columns) : PythonText.pad(body, columns, " ", 2);
    }

    static String brace(String spec, Object value) {
        if (spec.isEmpty()) {
            return PythonValues.str(value);
        }
        Matcher matcher = BRACE.matcher(spec);
        if (!matcher.matches() || value == null || !(value instanceof String || PythonNumbers.isNumber(value))) {
            throw JinjaException.value("format specifier '" + spec + "' does not fit a " + PythonValues.typeName(value));
        }
        String align = matcher.group(2);
        int width = matcher.group(6) == null ? 0 : Integer.parseInt(matcher.group(6));
        int digits = matcher.group(8) == null ? -1 : Integer.parseInt(matcher.group(8));
        String type = matcher.group(9);
        String fill = matcher.group(1) != null ? matcher.group(1) : matcher.group(5) != null && align == null ? "0" : " ";
        boolean text = value instanceof String;
        if (text && (type != null && !type.equals("s") || matcher.group(3) != null || "=".equals(align)) || !text && "s".equals(type)) {
            throw JinjaException.value("format specifier '" + spec + "' does not fit a " + PythonValues.typeName(value));
        }
        if (text) {
            String body = (String) value;
            body = digits >= 0 && digits < PythonText.length(body) ? PythonText.slice(body, 0, 1, digits) : body;
            return PythonText.pad(body, width, fill, side(align == null ? "<" : align));
        }
        String body = number(value, type, digits, matcher.group(4) != null);
        body = matcher.group(7) == null ? body : group(body, matcher.group(7));
        String sign = sign(value, matcher.group(3) == null || matcher.group(3).equals("-") ? "" : matcher.group(3));
        if ("=".equals(align) || align == null && matcher.group(5) != null) {
            return sign + PythonText.pad(body, width - sign.length(), fill, 2);
        }
        return PythonText.pad(sign + body, width, fill, side(align == null ? ">" : align));
    }

    private static int side(String align) {
        return align.equals("<") ? 0 : align.equals("^") ? 1 : 2;
    }

    private static String number(Object value, String type, int digits, boolean alternate) {
        if (type == null) {
            if (PythonNumbers.isInteger(value) && digits < 0) {
                return PythonNumbers.big(value).abs().toString();
            }
            return digits < 0 ? PythonNumbers.repr(Math.abs(PythonNumbers.asDouble(value))) : magnitude(value, 'g', digits, alternate);
        }
        if (type.equals("%")) {
            return magnitude(PythonNumbers.asDouble(value) * 100, 'f', digits, alternate) + "%";
        }
        char letter = type.charAt(0);
        if ("bcdoxXn".indexOf(letter) >= 0 && !PythonNumbers.isInteger(value)) {
            throw JinjaException.value("Unknown format code '" + letter + "' for object of type 'float'");
        }
        return letter == 'c' ? Character.toString(PythonNumbers.big(value).intValue())
                : magnitude(value, letter == 'n' ? 'd' : letter, digits, alternate);
    }

    private static String sign(Object value, String positive) {
        boolean negative = PythonNumbers.isInteger(value) ? PythonNumbers.big(value).signum() < 0
                : PythonNumbers.asDouble(value) < 0 || 1 / PythonNumbers.asDouble(value) < 0;
        return negative ? "-" : positive;
    }

    private static String zeroPad(String body, int width) {
        String sign = body.startsWith("-") || body.startsWith("+") || body.startsWith(" ") ? body.substring(0, 1) : "";
        return sign + PythonText.pad(body.substring(sign.length()), width - sign.length(), "0", 2);
    }

    private static String group(String body, String separator) {
        int end = 0;
        while (end < body.length() && Character.isDigit(body.charAt(end))) {
            end++;
        }
        StringBuilder out = new StringBuilder(body);
        for (int i = end - 3; i > 0; i -= 3) {
            out.insert(i, separator);
        }
        return out.toString();
    }

    /** The digits of a number without its sign. */
    private static String magnitude(Object value, char type, int precision, boolean alternate) {
        if ("dxXob".indexOf(type) >= 0) {
            if (!PythonNumbers.isInteger(value)) {
                throw JinjaException.type("%" + type + " format: an integer is required, not " + PythonValues.typeName(value));
            }
            BigInteger magnitude = PythonNumbers.big(value).abs();
            return switch (type) {
                case 'x' -> (alternate ? "0x" : "") + magnitude.toString(16);
                case 'X' -> (alternate ? "0X" : "") + magnitude.toString(16).toUpperCase(java.util.Locale.ROOT);
                case 'o' -> (alternate ? "0o" : "") + magnitude.toString(8);
                case 'b' -> (alternate ? "0b" : "") + magnitude.toString(2);
                default -> magnitude.toString();
            };
        }
        double number = Math.abs(PythonNumbers.asDouble(value));
        if (Double.isNaN(number) || Double.isInfinite(number)) {
            return Character.isUpperCase(type) ? PythonNumbers.repr(number).toUpperCase(java.util.Locale.ROOT) : PythonNumbers.repr(number);
        }
        int digits = precision < 0 ? 6 : precision;
        String text = switch (Character.toLowerCase(type)) {
            case 'f' -> new BigDecimal(number).setScale(digits, RoundingMode.HALF_EVEN).toPlainString();
            case 'e' -> scientific(new BigDecimal(number), digits);
            default -> general(number, Math.max(1, digits), alternate);
        };
        return Character.isUpperCase(type) ? text.toUpperCase(java.util.Locale.ROOT) : text;
    }

    private static String scientific(BigDecimal number, int digits) {
        BigDecimal rounded = number.round(new MathContext(digits + 1, RoundingMode.HALF_EVEN));
        int exponent = rounded.signum() == 0 ? 0 : rounded.precision() - rounded.scale() - 1;
        String mantissa = rounded.scaleByPowerOfTen(-exponent).setScale(digits, RoundingMode.HALF_EVEN).toPlainString();
        return mantissa + "e" + (exponent < 0 ? "-" : "+") + (Math.abs(exponent) < 10 ? "0" : "") + Math.abs(exponent);
    }

    private static String general(double number, int digits, boolean alternate) {
        BigDecimal rounded = new BigDecimal(number).round(new MathContext(digits, RoundingMode.HALF_EVEN));
        int exponent = rounded.signum() == 0 ? 0 : rounded.precision() - rounded.scale() - 1;
        boolean plain = exponent >= -4 && exponent < digits;
        String text = plain ? rounded.setScale(Math.max(0, digits - 1 - exponent), RoundingMode.HALF_EVEN).toPlainString()
                : scientific(rounded, digits - 1);
        if (alternate || text.indexOf('.') < 0) {
            return text;
        }
        int mantissa = text.indexOf('e') < 0 ? text.length() : text.indexOf('e');
        String head = text.substring(0, mantissa);
        head = head.indexOf('.') < 0 ? head : head.replaceAll("0+$", "").replaceAll("\\.$", "");
        return head + text.substring(mantissa);
    }
}
