package ai.sparktron.trainer.config;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The type of an option: a scalar (boolean, int, long, double, text or one of an enum's words), an optional scalar, or a list of
 * scalars.
 *
 * @param form one value, at most one, or many
 * @param scalar boxed class of each value
 */
record OptionType(Form form, Class<?> scalar) {

    enum Form { ONE, OPTIONAL, LIST }

    static OptionType of(Type type, String option) {
        if (type instanceof ParameterizedType generic) {
            Class<?> scalar = (Class<?>) generic.getActualTypeArguments()[0];
            if (generic.getRawType() == Optional.class) {
                return new OptionType(Form.OPTIONAL, scalar);
            }
            if (generic.getRawType() == List.class) {
                return new OptionType(Form.LIST, scalar);
            }
        }
        if (type instanceof Class<?> plain) {
            return new OptionType(Form.ONE, boxed(plain));
        }
        throw new IllegalStateException("--" + option + ": no option can have the type " + type);
    }

    private static Class<?> boxed(Class<?> type) {
        if (type == boolean.class) {
            return Boolean.class;
        }
        if (type == int.class) {
            return Integer.class;
        }
        if (type == long.class) {
            return Long.class;
        }
        return type == double.class ? Double.class : type;
    }

    /** The words of an enum, {@code true} and {@code false} of a boolean, else nothing. */
    List<String> choices() {
        if (scalar.isEnum()) {
            return Arrays.stream(scalar.getEnumConstants()).map(OptionType::word).toList();
        }
        return scalar == Boolean.class ? List.of("true", "false") : List.of();
    }

    /** What a value looks like, for messages and the help. */
    String expected() {
        if (!choices().isEmpty()) {
            return String.join("|", choices());
        }
        if (scalar == Integer.class || scalar == Long.class) {
            return "whole number";
        }
        return scalar == Double.class ? "number" : "text";
    }

    /** @throws IllegalArgumentException when the words are not a value of this type, with what was expected */
    Object parse(List<String> words) {
        if (form == Form.LIST) {
            List<Object> values = new ArrayList<>();
            for (String word : words) {
                values.add(parse(word));
            }
            return List.copyOf(values);
        }
        if (words.size() > 1) {
            throw new IllegalArgumentException("one value is expected, quote it if it has spaces");
        }
        if (form == Form.OPTIONAL) {
            return words.isEmpty() ? Optional.empty() : Optional.of(parse(words.get(0)));
        }
        if (words.isEmpty()) {
            throw new IllegalArgumentException("a value is expected: " + expected());
        }
        return parse(words.get(0));
    }

    private Object parse(String word) {
        try {
            if (scalar == Integer.class) {
                return Integer.valueOf(word.replace("_", ""));
            }
            if (scalar == Long.class) {
                return Long.valueOf(word.replace("_", ""));
            }
            if (scalar == Double.class) {
                return finite(Double.parseDouble(word));
            }
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("a " + expected() + " is expected", e);
        }
        if (scalar == Boolean.class) {
            return switch (word.toLowerCase(Locale.ROOT)) {
                case "true" -> true;
                case "false" -> false;
                default -> throw new IllegalArgumentException("true or false is expected");
            };
        }
        return scalar.isEnum() ? constant(word) : word;
    }

    private static Double finite(double value) {
        if (!Double.isFinite(value)) {
            throw new IllegalArgumentException("a finite number is expected");
        }
        return value;
    }

    private Object constant(String word) {
        for (Object constant : scalar.getEnumConstants()) {
            if (word(constant).equals(word.toLowerCase(Locale.ROOT).replace('-', '_'))) {
                return constant;
            }
        }
        throw new IllegalArgumentException("one of " + String.join(", ", choices()) + " is expected");
    }

    /** The scalars in a value: none for an absent one. */
    List<Object> scalars(Object value) {
        return switch (form) {
            case LIST -> List.copyOf((List<?>) value);
            case OPTIONAL -> ((Optional<?>) value).map(one -> List.<Object>of(one)).orElse(List.of());
            case ONE -> List.of(value);
        };
    }

    /** A value in the words that {@link #parse} reads. */
    List<String> words(Object value) {
        return scalars(value).stream().map(OptionType::word).toList();
    }

    private static String word(Object scalar) {
        return scalar instanceof Enum<?> constant ? constant.name().toLowerCase(Locale.ROOT) : String.valueOf(scalar);
    }
}
