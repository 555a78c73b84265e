package ai.sparktron.pipeline.tokenize;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Reads {@code normalizer}. */
final class NormalizerJson {
    private static final List<String> KINDS = List.of("Sequence", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Prepend", "Replace", "Strip",
            "StripAccents");

    private NormalizerJson() { }

    static TextNormalizer of(TokenizerJson json) {
        List<TextNormalizer> steps = steps(json.parts().path("normalizer"), json.where());
        if (steps.isEmpty()) {
            return TextNormalizer.NONE;
        }
        return steps.size() == 1 ? steps.get(0) : text -> {
            String result = text;
            for (TextNormalizer step : steps) {
                result = step.normalize(result);
            }
            return result;
        };
    }

    private static List<TextNormalizer> steps(JsonNode normalizer, String where) {
        List<TextNormalizer> steps = new ArrayList<>();
        if (normalizer.path("type").asText().equals("Sequence")) {
            normalizer.path("normalizers").forEach(step -> steps.addAll(steps(step, where)));
        } else if (normalizer.isObject()) {
            steps.add(step(normalizer, where));
        }
        return steps;
    }

    private static TextNormalizer step(JsonNode step, String where) {
        String kind = step.path("type").asText();
        return switch (kind) {
            case "NFC" -> TextNormalizer.NFC;
            case "NFD" -> Normalization::nfd;
            case "NFKC" -> Normalization::nfkc;
            case "NFKD" -> Normalization::nfkd;
            case "Lowercase" -> NormalizerJson::lowercase;
            case "Prepend" -> {
                String prefix = step.path("prepend").asText();
                yield text -> text.isEmpty() ? text : prefix + text;
            }
            case "Replace" -> replace(Pattern.of(step.path("pattern"), where), step.path("content").asText());
            case "Strip" -> strip(step.path("strip_left").asBoolean(true), step.path("strip_right").asBoolean(true));
            case "StripAccents" -> NormalizerJson::withoutMarks;
            default -> throw new IllegalArgumentException(where + ": normalizer has a step of kind " + kind + ", expected one of " + KINDS
                    + "; this tokenizer is not supported");
        };
    }

    /** Each character by itself, so that a final sigma is no special case. */
    private static String lowercase(String text) {
        StringBuilder lower = new StringBuilder(text.length());
        text.codePoints().forEach(codePoint -> lower.append(UnicodeClasses.lowerCase(codePoint)));
        return lower.toString();
    }

    static TextNormalizer replace(Pattern pattern, String content) {
        return text -> {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            StringBuilder result = new StringBuilder(text.length());
            for (Pattern.Part part : pattern.parts(bytes, 0, bytes.length)) {
                result.append(part.isMatch() ? content : new String(bytes, part.start(), part.end() - part.start(), StandardCharsets.UTF_8));
            }
            return result.toString();
        };
    }

    private static TextNormalizer strip(boolean left, boolean right) {
        return text -> {
            int[] characters = text.codePoints().toArray();
            int start = 0;
            int end = characters.length;
            while (left && start < end && isSpace(characters[start])) {
                start++;
            }
            while (right && end > start && isSpace(characters[end - 1])) {
                end--;
            }
            return new String(characters, start, end - start);
        };
    }

    private static boolean isSpace(int codePoint) {
        return (UnicodeClasses.bitsOf(codePoint) & UnicodeClasses.SPACE) != 0;
    }

    private static String withoutMarks(String text) {
        StringBuilder result = new StringBuilder(text.length());
        text.codePoints().filter(codePoint -> !Normalization.isMark(codePoint)).forEach(result::appendCodePoint);
        return result.toString();
    }
}
