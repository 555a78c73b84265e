package ai.sparktron.pipeline.template;

import java.io.Serializable;
import java.util.List;
import java.util.Objects;

/**
 * A chat template as data: the pieces of text around the turns. {@code {{SYSTEM}}}, {@code {{QUERY}}} and {@code {{DATE}}} stand for what a row
 * brings.
 *
 * @param name              what {@code --template} calls it
 * @param aliases           other names for it
 * @param begin             text before everything
 * @param system            the system message's block
 * @param systemPlace       where that block stands
 * @param alwaysSystem      whether the block is there even without a system message
 * @param laterSystem       block of a system message after the first turn; null = such a row is refused
 * @param defaultSystem     system message where neither row nor option gives one; null = none
 * @param user              a user's turn
 * @param assistant         what opens an assistant's turn
 * @param suffix            what ends an answer; trained with it
 * @param after             text after the suffix; not trained
 * @param trim              whether white space around every message goes, as in the model's own template
 * @param stop              spellings of the tokens that end generation
 * @param thinking          whether the model thinks before it answers
 * @param historyThinkStrip characters that go from the start of an earlier answer once its thinking was cut off
 * @param responsePrefix    start of every generated answer
 * @param nonThinkingPrefix start of an answer without thinking; empty = none
 * @param tools             how tools and calls are written
 */
record TemplateDefinition(String name, List<String> aliases, String begin, String system, SystemPlace systemPlace, boolean alwaysSystem,
                          String laterSystem, String defaultSystem, String user, String assistant, String suffix, String after, boolean trim,
                          List<String> stop, Thinking thinking, String historyThinkStrip, String responsePrefix, String nonThinkingPrefix,
                          ToolFormat tools) implements Serializable {

    /** Where the system block stands. */
    enum SystemPlace {
        BEFORE_TURNS,
        /** Inside the first user's turn, before the question. */
        FIRST_USER
    }

    /** Whether a model thinks before it answers. */
    enum Thinking {
        NEVER,
        /** As asked: answers without thinking begin with an empty think block. */
        OPTIONAL,
        ALWAYS
    }

    /** How tools are written. */
    enum ToolFormat {
        /** The template has no form of its own for tools. */
        NONE,
        /** {@code <tools>}, {@code <tool_call>}, {@code <tool_response>} blocks, as Qwen and Hermes models know them. */
        HERMES
    }

    TemplateDefinition {
        Objects.requireNonNull(name, "name");
        aliases = List.copyOf(aliases);
        stop = List.copyOf(stop);
        if (!user.contains("{{QUERY}}") || !system.contains("{{SYSTEM}}") || suffix.isEmpty()) {
            throw new IllegalStateException("template " + name + ": user must hold {{QUERY}}, system {{SYSTEM}}, and suffix must not be empty");
        }
    }
}
