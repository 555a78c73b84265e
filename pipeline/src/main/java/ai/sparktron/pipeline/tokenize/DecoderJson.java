package ai.sparktron.pipeline.tokenize;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Reads {@code decoder}. */
final class DecoderJson {
    private static final List<String> KINDS = List.of("Sequence", "ByteLevel", "Replace", "ByteFallback", "Fuse", "Strip", "Metaspace",
            "BPEDecoder");

    private DecoderJson() { }

    /** One step: spellings to spellings. */
    private interface Step {
        List<String> apply(List<String> tokens);
    }

    static TokenDecoder of(TokenizerJson json) {
        JsonNode decoder = json.parts().path("decoder");
        if (decoder.isMissingNode()) {
            return tokens -> String.join(" ", tokens);
        }
        if (decoder.path("type").asText().equals("ByteLevel")) {
            return TokenDecoder.BYTE_LEVEL;
        }
        List<Step> steps = steps(decoder, json.where());
        return tokens -> {
            List<String> result = tokens;
            for (Step step : steps) {
                result = step.apply(result);
            }
            return String.join("", result);
        };
    }

    private static List<Step> steps(JsonNode decoder, String where) {
        List<Step> steps = new ArrayList<>();
        if (decoder.path("type").asText().equals("Sequence")) {
            decoder.path("decoders").forEach(step -> steps.addAll(steps(step, where)));
        } else {
            steps.add(step(decoder, where));
        }
        return steps;
    }

    private static Step step(JsonNode step, String where) {
        String kind = step.path("type").asText();
        return switch (kind) {
            case "ByteLevel" -> tokens -> List.of(TokenDecoder.BYTE_LEVEL.decode(tokens));
            case "Replace" -> {
                TextNormalizer replace = NormalizerJson.replace(Pattern.of(step.path("pattern"), where), step.path("content").asText());
                yield tokens -> tokens.stream().map(replace::normalize).toList();
            }
            case "ByteFallback" -> DecoderJson::byteFallback;
            case "Fuse" -> tokens -> List.of(String.join("", tokens));
            case "Strip" -> strip(step.path("content").asText(), step.path("start").asInt(), step.path("stop").asInt());
            case "Metaspace" -> metaspace(step);
            case "BPEDecoder" -> {
                String suffix = step.path("suffix").asText("</w>");
                yield tokens -> withoutSuffix(tokens, suffix);
            }
            default -> throw new IllegalArgumentException(where + ": decoder has a step of kind " + kind + ", expected one of " + KINDS
                    + "; this tokenizer is not supported");
        };
    }

    /** Runs of {@code <0xHH>} become text; bytes that are no text become U+FFFD each. */
    private static List<String> byteFallback(List<String> tokens) {
        List<String> result = new ArrayList<>();
        ByteArrayOutputStream run = new ByteArrayOutputStream();
        for (String token : tokens) {
            if (token.matches("<0x[0-9A-Fa-f]{2}>")) {
                run.write(Integer.parseInt(token.substring(3, 5), 16));
            } else {
                endRun(run, result);
                result.add(token);
            }
        }
        endRun(run, result);
        return result;
    }

    private static void endRun(ByteArrayOutputStream run, List<String> result) {
        if (run.size() == 0) {
            return;
        }
        try {
            result.add(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(run.toByteArray())).toString());
        } catch (CharacterCodingException e) {
            result.add("\uFFFD".repeat(run.size()));
        }
        run.reset();
    }

    private static Step strip(String content, int start, int stop) {
        return tokens -> tokens.stream().map(token -> {
            String rest = token;
            for (int i = 0; i < start && rest.startsWith(content); i++) {
                rest = rest.substring(content.length());
            }
            for (int i = 0; i < stop && rest.endsWith(content); i++) {
                rest = rest.substring(0, rest.length() - content.length());
            }
            return rest;
        }).toList();
    }

    private static Step metaspace(JsonNode step) {
        String sign = step.path("replacement").asText("\u2581");
        String legacy = step.path("add_prefix_space").asBoolean(true) ? "always" : "never";
        boolean isPrepended = !step.path("prepend_scheme").asText(legacy).equals("never");
        return tokens -> {
            List<String> result = new ArrayList<>();
            for (String token : tokens) {
                result.add(token.replace(sign, result.isEmpty() && isPrepended ? "" : " "));
            }
            return result;
        };
    }

    private static List<String> withoutSuffix(List<String> tokens, String suffix) {
        List<String> result = new ArrayList<>();
        for (int i = 0; i < tokens.size(); i++) {
            result.add(tokens.get(i).replace(suffix, i == tokens.size() - 1 ? "" : " "));
        }
        return result;
    }
}
