package ai.sparktron.pipeline.tokenize;

/** What happens to a sample longer than {@code max_length}: option {@code truncation_strategy}. */
public enum TruncationStrategy {
    /** The sample is dropped and counted. */
    DELETE,
    /** The end is kept. */
    LEFT,
    /** The start is kept. */
    RIGHT,
    /** The sample becomes several, each of at most {@code max_length} tokens; for pre-training text. */
    SPLIT
}
