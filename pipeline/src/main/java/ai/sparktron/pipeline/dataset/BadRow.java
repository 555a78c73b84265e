package ai.sparktron.pipeline.dataset;

import java.util.Objects;

/**
 * Why a row cannot be used. Rows are counted by {@link Reason}; the message names field, value and what to do.
 *
 * @param reason  the category to count by
 * @param message what was wrong, the value, what was expected, what to do
 */
public record BadRow(Reason reason, String message) implements RowResult {

    /** Categories of faults, in the order in which a row meets them. */
    public enum Reason {
        /** The row could not be read at all (broken JSON line, undecodable record). */
        UNREADABLE,
        /** No column that any row form knows. */
        UNKNOWN_FORM,
        /** A column that the row's form needs is absent or null. */
        MISSING_FIELD,
        /** A column or message key holds a value of another type than its form allows. */
        WRONG_TYPE,
        /** A JSON text in a column ({@code tools}, {@code messages} ...) does not parse. */
        BROKEN_JSON,
        /** A message's role is none of the known ones. */
        UNKNOWN_ROLE,
        /** No message, or no text to train on. */
        EMPTY,
        /** Nothing for the assistant to learn: the row has no answer. */
        NO_ANSWER,
        /** Turns in an order that no template can render. */
        ROLE_ORDER,
        /** The rejected answer equals the chosen one. */
        REJECTED_EQUALS_CHOSEN,
        /** Images, videos, audios: this trainer reads text. */
        UNSUPPORTED_CONTENT,
        /** The chat template refused the conversation or failed on it. */
        TEMPLATE,
        /** More tokens than {@code max_length} under {@code truncation_strategy delete}. */
        TOO_LONG,
        /** The loss weights leave no token to train on. */
        NOTHING_TRAINED
    }

    public BadRow {
        Objects.requireNonNull(reason, "reason");
        Objects.requireNonNull(message, "message");
    }
}
