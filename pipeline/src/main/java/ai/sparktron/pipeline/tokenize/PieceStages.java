package ai.sparktron.pipeline.tokenize;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Pre-tokenizers without a hand-written scanner: the steps of the file, one after the other, each turning a piece into pieces. Right, not fast.
 */
record PieceStages(List<Stage> stages) implements WordSplitter {
    private static final String GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
    private static final List<String> KINDS = List.of("Sequence", "Split", "ByteLevel", "Metaspace", "Digits", "Punctuation", "Whitespace",
            "WhitespaceSplit", "CharDelimiterSplit");

    /** A piece of text as UTF-8, readable for {@link WordCache#PADDING} bytes after its end. */
    record Piece(byte[] text, int start, int end, boolean isTextStart) {
        String string() {
            return new String(text, start, end - start, StandardCharsets.UTF_8);
        }

        byte[] bytes() {
            return Arrays.copyOfRange(text, start, end);
        }

        /** The piece with other text. */
        Piece with(String other) {
            return with(other.getBytes(StandardCharsets.UTF_8));
        }

        Piece with(byte[] bytes) {
            return new Piece(Arrays.copyOf(bytes, bytes.length + WordCache.PADDING), 0, bytes.length, isTextStart);
        }

        Piece part(int from, int to) {
            return new Piece(text, from, to, isTextStart && from == start);
        }
    }

    /** One step. */
    interface Stage {
        List<Piece> apply(Piece piece);
    }

    /** @param steps the file's steps without nesting, in order */
    static PieceStages of(List<JsonNode> steps, String where) {
        List<Stage> stages = new ArrayList<>();
        boolean isSpelled = false;
        for (int i = 0; i < steps.size(); i++) {
            stages.add(stage(steps.get(i), where));
            if (steps.get(i).path("type").asText().equals("ByteLevel") && i < steps.size() - 1) {
                stages.add(piece -> List.of(piece.with(ByteAlphabet.spell(piece.bytes())))); // the steps after it see the alphabet
                isSpelled = true;
            }
        }
        if (isSpelled) {
            stages.add(piece -> List.of(piece.with(ByteAlphabet.bytesOf(piece.string()))));
        }
        return new PieceStages(List.copyOf(stages));
    }

    @Override
    public void split(byte[] text, int start, int end, boolean isTextStart, WordEncoder words) {
        pieces(text, start, end, isTextStart).forEach(piece -> words.word(piece.text(), piece.start(), piece.end()));
    }

    /** The words as pieces; none is empty. */
    List<Piece> pieces(byte[] text, int start, int end, boolean isTextStart) {
        List<Piece> pieces = List.of(new Piece(text, start, end, isTextStart));
        for (Stage stage : stages) {
            pieces = pieces.stream().flatMap(piece -> stage.apply(piece).stream()).filter(piece -> piece.start() < piece.end())
                    .collect(Collectors.toList());
        }
        return pieces;
    }

    private static Stage stage(JsonNode step, String where) {
        String kind = step.path("type").asText();
        return switch (kind) {
            case "Split" -> cut(Pattern.of(step.path("pattern"), where), step.path("invert").asBoolean(false),
                    behavior(step.path("behavior").asText(), where));
            case "ByteLevel" -> byteLevel(step, where);
            case "Metaspace" -> metaspace(step, where);
            case "Digits" -> cut(new Regex("\\p{N}", where)::matchEnd, false,
                    step.path("individual_digits").asBoolean(false) ? PieceStages::isolated : PieceStages::contiguous);
            case "Punctuation" -> cut(new Regex("[!-/:-@\\[-`{-~\\p{P}]", where)::matchEnd, false,
                    behavior(step.path("behavior").asText("Isolated"), where));
            case "Whitespace" -> cut(new Regex("\\w+|[^\\w\\s]+", where)::matchEnd, true, PieceStages::removed);
            case "WhitespaceSplit" -> cut(new Regex("\\s", where)::matchEnd, false, PieceStages::removed);
            case "CharDelimiterSplit" -> cut(delimiter(step.path("delimiter").asText()), false, PieceStages::removed);
            default -> throw new IllegalArgumentException(where + ": pre_tokenizer has a step of kind " + kind + ", expected one of " + KINDS
                    + "; this tokenizer is not supported");
        };
    }

    private static Pattern delimiter(String delimiter) {
        byte[] wanted = delimiter.getBytes(StandardCharsets.UTF_8);
        return (text, start, end, at) -> at + wanted.length <= end
                && Arrays.equals(text, at, at + wanted.length, wanted, 0, wanted.length) ? at + wanted.length : -1;
    }

    /** What becomes of matches and of the parts between them. */
    private interface Behavior {
        List<Pattern.Part> apply(List<Pattern.Part> parts);
    }

    private static Stage cut(Pattern pattern, boolean isInverted, Behavior behavior) {
        return piece -> {
            List<Pattern.Part> parts = pattern.parts(piece.text(), piece.start(), piece.end());
            List<Pattern.Part> marked = !isInverted ? parts
                    : parts.stream().map(part -> new Pattern.Part(part.start(), part.end(), !part.isMatch())).toList();
            return behavior.apply(marked).stream().map(part -> piece.part(part.start(), part.end())).toList();
        };
    }

    private static Behavior behavior(String name, String where) {
        return switch (name) {
            case "Removed" -> PieceStages::removed;
            case "Isolated" -> PieceStages::isolated;
            case "Contiguous" -> PieceStages::contiguous;
            case "MergedWithPrevious" -> PieceStages::mergedWithPrevious;
            case "MergedWithNext" -> PieceStages::mergedWithNext;
            default -> throw new IllegalArgumentException(where + ": the split behavior " + name
                    + " is not known, expected Removed, Isolated, Contiguous, MergedWithPrevious or MergedWithNext");
        };
    }

    private static List<Pattern.Part> removed(List<Pattern.Part> parts) {
        return parts.stream().filter(part -> !part.isMatch()).toList();
    }

    private static List<Pattern.Part> isolated(List<Pattern.Part> parts) {
        return parts;
    }

    private static List<Pattern.Part> contiguous(List<Pattern.Part> parts) {
        List<Pattern.Part> joined = new ArrayList<>();
        for (Pattern.Part part : parts) {
            Pattern.Part last = joined.isEmpty() ? null : joined.get(joined.size() - 1);
            if (last != null && last.isMatch() == part.isMatch()) {
                joined.set(joined.size() - 1, new Pattern.Part(last.start(), part.end(), part.isMatch()));
            } else {
                joined.add(part);
            }
        }
        return joined;
    }

    /** A match joins the part before it, unless that is a match too. */
    private static List<Pattern.Part> mergedWithPrevious(List<Pattern.Part> parts) {
        List<Pattern.Part> joined = new ArrayList<>();
        boolean wasMatch = false;
        for (Pattern.Part part : parts) {
            if (part.isMatch() && !wasMatch && !joined.isEmpty()) {
                Pattern.Part last = joined.remove(joined.size() - 1);
                joined.add(new Pattern.Part(last.start(), part.end(), false));
            } else {
                joined.add(part);
            }
            wasMatch = part.isMatch();
        }
        return joined;
    }

    /** A match joins the part after it, unless that is a match too. */
    private static List<Pattern.Part> mergedWithNext(List<Pattern.Part> parts) {
        List<Pattern.Part> joined = new ArrayList<>();
        boolean wasMatch = false;
        for (int i = parts.size() - 1; i >= 0; i--) {
            Pattern.Part part = parts.get(i);
            if (part.isMatch() && !wasMatch && !joined.isEmpty()) {
                Pattern.Part next = joined.remove(0);
                joined.add(0, new Pattern.Part(part.start(), next.end(), false));
            } else {
                joined.add(0, part);
            }
            wasMatch = part.isMatch();
        }
        return joined;
    }

    private static Stage byteLevel(JsonNode step, String where) {
        Stage split = step.path("use_regex").asBoolean(true) ? cut(new Regex(GPT2, where)::matchEnd, false, PieceStages::isolated) : List::of;
        if (!step.path("add_prefix_space").asBoolean(true)) {
            return split;
        }
        return piece -> split.apply(piece.text()[piece.start()] == ' ' ? piece : piece.with(" " + piece.string()));
    }

    /** SentencePiece's way: a space becomes a visible sign, which begins a word. */
    private static Stage metaspace(JsonNode step, String where) {
        String sign = step.path("replacement").asText("\u2581");
        String legacy = step.path("add_prefix_space").asBoolean(true) ? "always" : "never";
        String scheme = step.path("prepend_scheme").asText(legacy);
        if (!List.of("always", "first", "never").contains(scheme)) {
            throw new IllegalArgumentException(where + ": Metaspace has the prepend_scheme " + scheme + ", expected always, first or never");
        }
        Stage split = step.path("split").asBoolean(true) ? cut(delimiter(sign), false, PieceStages::mergedWithNext) : List::of;
        return piece -> {
            String text = piece.string().replace(" ", sign);
            boolean isPrepended = scheme.equals("always") || scheme.equals("first") && piece.isTextStart();
            return split.apply(piece.with(isPrepended && !text.startsWith(sign) ? sign + text : text));
        };
    }
}
