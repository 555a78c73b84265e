package ai.sparktron.trainer.config;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import java.util.Optional;

/** What can be wrong with the value of one option by itself. */
final class ValueChecks {

    private static final ObjectMapper JSON = new ObjectMapper();

    private ValueChecks() {
    }

    /** What is wrong with the words given for an option, and what was expected. */
    static Optional<String> problem(OptionEntry entry, Command command, List<String> words) {
        for (String word : words) {
            if (entry.option().status() != Status.PLANNED && entry.plannedValue(word)) {
                return Optional.of("'" + word + "' is known but not built yet; now there is " + String.join(", ", entry.choices()));
            }
        }
        Object value;
        try {
            value = entry.type().parse(words);
        } catch (IllegalArgumentException e) {
            return Optional.of(entry.type().scalar().isEnum() && !words.isEmpty() ? oneOf(entry) : e.getMessage());
        }
        if (entry.option().status() == Status.PLANNED && !value.equals(entry.defaultValue(command))) {
            String without = entry.defaultText(command);
            return Optional.of("this option is known but not built yet; leave it out" + (without.isEmpty() ? "" : " (" + without + ")"));
        }
        for (Object scalar : entry.type().scalars(value)) {
            Optional<String> problem = scalarProblem(entry, scalar);
            if (problem.isPresent()) {
                return problem;
            }
        }
        return Optional.empty();
    }

    private static Optional<String> scalarProblem(OptionEntry entry, Object scalar) {
        Option option = entry.option();
        if (option.of().length > 0 && !List.of(option.of()).contains(scalar.toString())) {
            return Optional.of(oneOf(entry));
        }
        if (scalar instanceof Number number && !Range.of(option.range()).contains(number.doubleValue())) {
            return Optional.of("a " + entry.type().expected() + " in " + option.range() + " is expected");
        }
        return switch (option.syntax()) {
            case "" -> Optional.empty();
            case "bytes" -> bytesProblem(scalar.toString());
            default -> jsonProblem(option.syntax(), scalar.toString());
        };
    }

    private static String oneOf(OptionEntry entry) {
        return "one of " + String.join(", ", entry.choices()) + " is expected";
    }

    private static Optional<String> bytesProblem(String text) {
        try {
            ByteSize.parse(text);
            return Optional.empty();
        } catch (IllegalArgumentException e) {
            return Optional.of(e.getMessage());
        }
    }

    private static Optional<String> jsonProblem(String kind, String text) {
        JsonNode node;
        try {
            node = JSON.readTree(text);
        } catch (JsonProcessingException e) {
            return Optional.of("JSON is expected: " + e.getOriginalMessage());
        }
        boolean fits = kind.equals("object") ? node.isObject() : !node.isMissingNode();
        return fits ? Optional.empty() : Optional.of("JSON of the kind " + kind + " is expected");
    }

    /** An interval such as {@code [1,)} or {@code (0,1]}. */
    record Range(double low, boolean lowIn, double high, boolean highIn) {

        static Range of(String text) {
            if (text.isEmpty()) {
                return new Range(Double.NEGATIVE_INFINITY, true, Double.POSITIVE_INFINITY, true);
            }
            String[] ends = text.substring(1, text.length() - 1).split(",", -1);
            double low = ends[0].isEmpty() ? Double.NEGATIVE_INFINITY : Double.parseDouble(ends[0]);
            double high = ends[1].isEmpty() ? Double.POSITIVE_INFINITY : Double.parseDouble(ends[1]);
            return new Range(low, text.startsWith("["), high, text.endsWith("]") || ends[1].isEmpty());
        }

        boolean contains(double value) {
            return (value > low || lowIn && value == low) && (value < high || highIn && value == high);
        }
    }
}
