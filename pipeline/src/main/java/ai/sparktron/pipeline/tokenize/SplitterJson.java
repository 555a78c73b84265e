package ai.sparktron.pipeline.tokenize;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Reads {@code pre_tokenizer}: known expressions become hand-written scanners, others go through {@link PieceStages}. */
final class SplitterJson {
    private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|";
    private static final String REST = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String IDEOGRAPHS = "[一-龥\u3040-ゟ゠-ヿ]+";
    private static final String DEEPSEEK_WORDS = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
            + "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+";
    /** The expressions of a sequence of isolating splits to the scanner that does the same. */
    private static final Map<List<String>, WordScanner> SCANNERS = Map.of(
            List.of(CONTRACTIONS + "\\p{N}" + REST), new ContractionWordScanner(1),
            List.of(CONTRACTIONS + "\\p{N}{1,3}" + REST), new ContractionWordScanner(3),
            List.of("\\p{N}{1,3}", IDEOGRAPHS, DEEPSEEK_WORDS), new DeepSeekWordScanner());

    private SplitterJson() { }

    /** Whether the vocabulary is written in {@link ByteAlphabet}. */
    static boolean isByteLevel(JsonNode preTokenizer) {
        return steps(preTokenizer).stream().anyMatch(step -> step.path("type").asText().equals("ByteLevel"));
    }

    static WordSplitter of(TokenizerJson json) {
        List<JsonNode> steps = steps(json.parts().path("pre_tokenizer"));
        WordScanner scanner = SCANNERS.get(isolatingSplits(steps));
        if (scanner != null) {
            return new WordSplitter.Scanned(scanner);
        }
        PieceStages stages = PieceStages.of(steps, json.where());
        return isByteLevel(json.parts().path("pre_tokenizer")) ? stages : SpaceSign.over(stages, json);
    }

    /** The steps of nested sequences, in order. */
    static List<JsonNode> steps(JsonNode preTokenizer) {
        List<JsonNode> steps = new ArrayList<>();
        if (preTokenizer.path("type").asText().equals("Sequence")) {
            preTokenizer.path("pretokenizers").forEach(step -> steps.addAll(steps(step)));
        } else if (preTokenizer.isObject()) {
            steps.add(preTokenizer);
        }
        return steps;
    }

    /** The expressions, when all steps are isolating splits and a plain byte-level step at the end; otherwise an empty list. */
    private static List<String> isolatingSplits(List<JsonNode> steps) {
        List<String> expressions = new ArrayList<>();
        for (int i = 0; i < steps.size(); i++) {
            JsonNode step = steps.get(i);
            boolean isLast = i == steps.size() - 1;
            boolean isPlainBytes = step.path("type").asText().equals("ByteLevel") && !step.path("add_prefix_space").asBoolean(true)
                    && !step.path("use_regex").asBoolean(true);
            boolean isIsolating = step.path("type").asText().equals("Split") && step.path("behavior").asText().equals("Isolated")
                    && !step.path("invert").asBoolean(false) && step.path("pattern").has("Regex");
            if (isLast ? !isPlainBytes : !isIsolating) {
                return List.of();
            }
            if (!isLast) {
                expressions.add(step.path("pattern").path("Regex").asText());
            }
        }
        return expressions;
    }
}
