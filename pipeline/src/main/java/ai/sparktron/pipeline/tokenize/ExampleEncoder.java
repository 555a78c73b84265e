package ai.sparktron.pipeline.tokenize;

import ai.sparktron.pipeline.template.Segment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Rendered segments to token ids with labels and weights: adjacent segments of equal weight and equal treatment of special tokens are joined, each
 * joined text is encoded by itself, and the result is fitted to {@code max_length}. For one thread.
 */
public final class ExampleEncoder {
    private final Tokenizer.Encoder encoder;
    private final int maxLength;
    private final TruncationStrategy strategy;

    /**
     * @param encoder   this thread's encoder
     * @param maxLength tokens per example at most; 0 = no limit
     */
    public ExampleEncoder(Tokenizer.Encoder encoder, int maxLength, TruncationStrategy strategy) {
        this.encoder = Objects.requireNonNull(encoder, "encoder");
        this.strategy = Objects.requireNonNull(strategy, "strategy");
        if (maxLength < 0 || maxLength == 1) {
            throw new IllegalArgumentException("max_length " + maxLength + ": expected at least 2 tokens (one to see, one to predict), or 0 for no limit");
        }
        this.maxLength = maxLength;
    }

    /** Encodes one sample. */
    public EncodedSample encode(List<Segment> segments) {
        Example whole = join(segments);
        int tokens = whole.ids().length;
        if (tokens == 0) {
            return new EncodedSample.Dropped(EncodedSample.Reason.EMPTY, 0, "the sample has no tokens: expected text to train on");
        }
        if (maxLength == 0 || tokens <= maxLength) {
            return keptIfTrained(List.of(slice(whole, 0, tokens)), tokens);
        }
        return switch (strategy) {
            case DELETE -> new EncodedSample.Dropped(EncodedSample.Reason.TOO_LONG, tokens, "the sample has " + tokens + " tokens: expected at most "
                    + maxLength + " (max_length); raise max_length, or set truncation_strategy to left or right");
            case LEFT -> keptIfTrained(List.of(slice(whole, tokens - maxLength, tokens)), tokens);
            case RIGHT -> keptIfTrained(List.of(slice(whole, 0, maxLength)), tokens);
            case SPLIT -> keptIfTrained(split(whole), tokens);
        };
    }

    private EncodedSample keptIfTrained(List<Example> examples, int tokens) {
        List<Example> trained = examples.stream().filter(ExampleEncoder::isTrained).toList();
        if (!trained.isEmpty()) {
            return new EncodedSample.Kept(trained, tokens);
        }
        return new EncodedSample.Dropped(EncodedSample.Reason.NOTHING_TRAINED, tokens, "none of the sample's " + tokens
                + " tokens is trained" + (maxLength > 0 && tokens > maxLength ? " after truncation to " + maxLength : "")
                + ": expected at least one answer token after the first token; look at loss_scale, the loss fields and max_length");
    }

    private static boolean isTrained(Example example) {
        for (int label : example.labels()) {
            if (label != Example.IGNORED) {
                return true;
            }
        }
        return false;
    }

    private List<Example> split(Example whole) {
        List<Example> parts = new ArrayList<>();
        for (int from = 0; from < whole.ids().length; from += maxLength) {
            parts.add(slice(whole, from, Math.min(whole.ids().length, from + maxLength)));
        }
        return parts;
    }

    /** Part of an example as an example of its own: its first token has nothing before it, so it is not trained. */
    private static Example slice(Example whole, int from, int to) {
        int[] labels = Arrays.copyOfRange(whole.labels(), from, to);
        labels[0] = Example.IGNORED;
        float[] weights = whole.weights() == null ? null : Arrays.copyOfRange(whole.weights(), from, to);
        if (weights != null) {
            weights[0] = 0;
        }
        return new Example(Arrays.copyOfRange(whole.ids(), from, to), labels, weights);
    }

    private Example join(List<Segment> segments) {
        Tokens tokens = new Tokens();
        int at = 0;
        while (at < segments.size()) {
            Segment first = segments.get(at);
            StringBuilder text = new StringBuilder(first.text());
            for (at++; at < segments.size() && isLike(first, segments.get(at)); at++) {
                text.append(segments.get(at).text());
            }
            tokens.add(encoder.encode(text.toString(), first.parseSpecialTokens()), first.weight());
        }
        return tokens.example();
    }

    private static boolean isLike(Segment first, Segment next) {
        return first.weight() == next.weight() && first.parseSpecialTokens() == next.parseSpecialTokens();
    }

    /** Growing ids with the weight of each. */
    private static final class Tokens {
        private int[] ids = new int[256];
        private float[] weights = new float[256];
        private int count;
        private boolean hasOtherWeights;

        void add(int[] more, float weight) {
            if (count + more.length > ids.length) {
                int capacity = Math.max(ids.length * 2, count + more.length);
                ids = Arrays.copyOf(ids, capacity);
                weights = Arrays.copyOf(weights, capacity);
            }
            System.arraycopy(more, 0, ids, count, more.length);
            Arrays.fill(weights, count, count + more.length, weight);
            count += more.length;
            hasOtherWeights |= weight != 0 && weight != 1;
        }

        Example example() {
            int[] labels = new int[count];
            for (int i = 0; i < count; i++) {
                labels[i] = weights[i] == 0 ? Example.IGNORED : ids[i];
            }
            return new Example(Arrays.copyOf(ids, count), labels, hasOtherWeights ? Arrays.copyOf(weights, count) : null);
        }
    }
}
