package ai.sparktron.pipeline.dataset;

import java.util.Objects;

/** What {@link ConversationReader} makes of one row: a conversation, or the reason why it is none. Never null. */
public sealed interface RowResult permits RowResult.Accepted, BadRow {

    /** The conversation, or the row's fault as an exception. */
    default Conversation orElseThrow() {
        if (this instanceof Accepted accepted) {
            return accepted.conversation();
        }
        throw new BadRowException((BadRow) this);
    }

    /** A row that became a conversation. */
    record Accepted(Conversation conversation, RowForm form) implements RowResult {
        public Accepted {
            Objects.requireNonNull(conversation, "conversation");
            Objects.requireNonNull(form, "form");
        }
    }
}
