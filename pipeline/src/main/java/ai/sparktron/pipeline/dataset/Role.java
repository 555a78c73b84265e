package ai.sparktron.pipeline.dataset;

/** Who speaks in a {@link Message}; dataset aliases ({@code human}, {@code gpt}, {@code observation} ...) are resolved before. */
public enum Role {
    SYSTEM,
    USER,
    ASSISTANT,
    /** A function call made by the assistant, as a turn of its own (ms-swift {@code tool_call}). */
    TOOL_CALL,
    /** What a tool answered. */
    TOOL
}
