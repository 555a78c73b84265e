package ai.sparktron.pipeline.dataset;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The value types rows are made of: String, Boolean, Long, BigInteger, Double, {@code ArrayList}, {@code LinkedHashMap} with String keys, null.
 * Chat templates print numbers as Python does, so an integer must stay an integer and a float a float.
 */
public final class RowValues {

    private static final ObjectMapper JSON = new ObjectMapper()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    private RowValues() {
    }

    /**
     * @param where names the column or message key in the error
     * @throws BadRowException with reason BROKEN_JSON
     */
    public static Object parseJson(String text, String where) {
        try {
            return normalize(JSON.readValue(text, Object.class));
        } catch (JsonProcessingException e) {
            throw new BadRowException(BadRow.Reason.BROKEN_JSON, where + " is not JSON: " + e.getOriginalMessage() + " in " + shorten(text), e);
        }
    }

    /** Reduces other numeric and collection classes to the value types above; strings and nulls pass. */
    public static Object normalize(Object value) {
        if (value instanceof Integer || value instanceof Short || value instanceof Byte) {
            return ((Number) value).longValue();
        }
        if (value instanceof Float number) {
            return Double.parseDouble(number.toString());
        }
        if (value instanceof BigInteger number) {
            return number.bitLength() < Long.SIZE ? (Object) number.longValue() : number;
        }
        if (value instanceof BigDecimal number) {
            return number.scale() <= 0 ? normalize(number.toBigIntegerExact()) : (Object) number.doubleValue();
        }
        if (value instanceof Map<?, ?> map) {
            Map<String, Object> copy = new LinkedHashMap<>();
            map.forEach((key, item) -> copy.put(String.valueOf(key), normalize(item)));
            return copy;
        }
        if (value instanceof List<?> list) {
            List<Object> copy = new ArrayList<>(list.size());
            list.forEach(item -> copy.add(normalize(item)));
            return copy;
        }
        return value;
    }

    /** A value for an error message: quoted if text, cut after 80 characters. */
    static String shorten(Object value) {
        String text = value instanceof String string ? "'" + string + "'" : String.valueOf(value);
        return text.length() <= 80 ? text : text.substring(0, 77) + "...";
    }

    /** What a value is called in JSON's words. */
    static String typeOf(Object value) {
        return value == null ? "null" : value instanceof String ? "text" : value instanceof Boolean ? "boolean" : value instanceof Number ? "number"
                : value instanceof List ? "list" : value instanceof Map ? "object" : value.getClass().getSimpleName();
    }
}
