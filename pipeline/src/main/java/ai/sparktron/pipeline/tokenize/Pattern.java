package ai.sparktron.pipeline.tokenize;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What a step looks for: a regular expression or a plain text. */
interface Pattern {

    /** The end of a match at {@code at}, or -1; only {@code text[start, end)} is seen. */
    int matchEnd(byte[] text, int start, int end, int at);

    /** A part of a text that was cut up: a match, or what is between two. Offsets in bytes. */
    record Part(int start, int end, boolean isMatch) { }

    /** {@code {"Regex": ...}} or {@code {"String": ...}}. */
    static Pattern of(JsonNode json, String where) {
        if (json.has("Regex")) {
            return new Regex(json.get("Regex").asText(), where)::matchEnd;
        }
        if (!json.has("String") || json.get("String").asText().isEmpty()) {
            throw new IllegalArgumentException(where + ": the pattern " + json + " is neither a Regex nor a String; this tokenizer is not supported");
        }
        byte[] wanted = json.get("String").asText().getBytes(StandardCharsets.UTF_8);
        return (text, start, end, at) -> {
            int stop = at + wanted.length;
            return stop <= end && Arrays.equals(text, at, stop, wanted, 0, wanted.length) ? stop : -1;
        };
    }

    /** Cuts the text into matches and the parts between them; no part is empty. */
    default List<Part> parts(byte[] text, int start, int end) {
        List<Part> parts = new ArrayList<>();
        int done = start;
        int at = start;
        while (at < end) {
            int matchEnd = matchEnd(text, start, end, at);
            if (matchEnd <= at) {
                at += Utf8.lengthOf(text[at]);
                continue;
            }
            if (at > done) {
                parts.add(new Part(done, at, false));
            }
            parts.add(new Part(at, matchEnd, true));
            done = matchEnd;
            at = matchEnd;
        }
        if (done < end) {
            parts.add(new Part(done, end, false));
        }
        return parts;
    }
}
