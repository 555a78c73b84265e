package ai.sparktron.pipeline.template;

import ai.sparktron.pipeline.dataset.BadRow;
import ai.sparktron.pipeline.dataset.BadRowException;
import ai.sparktron.pipeline.dataset.Conversation;
import java.io.Serializable;
import java.util.List;

/**
 * How a model wants to read conversations. {@link #render} gives a training sample's text with a loss weight on every piece, {@link #promptFor} the
 * text up to where the model's answer begins. Immutable, shared by threads, sent to executors.
 */
public interface ChatTemplate extends Serializable {

    /** What {@code --template} calls it. */
    String name();

    /**
     * A training sample.
     *
     * @return pieces in order; those of weight 0 are read but not trained
     * @throws BadRowException if the conversation does not fit the template
     */
    List<Segment> render(Conversation conversation, RenderOptions options);

    /**
     * A prompt for inference; the thinking of earlier turns is cut off where the model wants that.
     *
     * @param conversation ends with a user's or a tool's turn
     * @throws BadRowException if the conversation does not fit the template
     */
    Prompt promptFor(Conversation conversation, RenderOptions options);

    /** Spellings of the tokens that end an answer. */
    List<String> stopTokens();

    /** SHA-256 over what decides text and weights: the template's data and the options that it reads. */
    String fingerprint(RenderOptions options);

    /** A preference row as two training samples. @throws BadRowException if the row has no rejected turns */
    default Preference renderPreference(Conversation conversation, RenderOptions options) {
        if (conversation.rejectedMessages() == null) {
            throw new BadRowException(BadRow.Reason.MISSING_FIELD,
                    "the row has neither rejected_response nor rejected_messages: a preference needs a rejected answer beside the chosen one");
        }
        return new Preference(render(conversation, options), render(conversation.rejected(), options));
    }

    /** The two sides of a preference row. */
    record Preference(List<Segment> chosen, List<Segment> rejected) {
        public Preference {
            chosen = List.copyOf(chosen);
            rejected = List.copyOf(rejected);
        }
    }

    /**
     * A prompt.
     *
     * @param segments       its text, response prefix included
     * @param responsePrefix the part of the text that already belongs to the answer, for example {@code <think>} and a line break; may be empty
     */
    record Prompt(List<Segment> segments, String responsePrefix) {
        public Prompt {
            segments = List.copyOf(segments);
        }

        /** The prompt's text as one. */
        public String text() {
            return Segment.text(segments);
        }
    }
}
