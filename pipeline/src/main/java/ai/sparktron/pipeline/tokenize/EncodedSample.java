package ai.sparktron.pipeline.tokenize;

import java.util.List;

/** What became of one sample: kept as one or more examples, or dropped with a reason that is counted. */
public sealed interface EncodedSample {

    /** Tokens of the sample before truncation. */
    int tokens();

    /**
     * Kept.
     *
     * @param examples one, or several with {@link TruncationStrategy#SPLIT}
     * @param tokens   tokens before truncation
     */
    record Kept(List<Example> examples, int tokens) implements EncodedSample {
        public Kept {
            examples = List.copyOf(examples);
        }
    }

    /**
     * Dropped.
     *
     * @param reason  the kind, for counting
     * @param tokens  tokens before truncation
     * @param message the whole story, for the report of bad rows
     */
    record Dropped(Reason reason, int tokens, String message) implements EncodedSample { }

    /** Why a sample is dropped. */
    enum Reason {
        /** Longer than {@code max_length} and {@code truncation_strategy} is {@code delete}. */
        TOO_LONG,
        /** No token of it would be trained. */
        NOTHING_TRAINED,
        /** It has no tokens. */
        EMPTY
    }
}
