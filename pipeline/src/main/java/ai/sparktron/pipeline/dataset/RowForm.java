package ai.sparktron.pipeline.dataset;

import java.util.List;
import java.util.Set;

/** The row forms that are told apart by their columns; {@link #detect} tries them in the order of declaration. */
public enum RowForm {
    /** {@code messages} or {@code conversations}: a list of role and content, or of sharegpt pairs. */
    MESSAGES,
    /** {@code instruction} and {@code input}, answer in {@code output}. */
    ALPACA,
    /** A query-like and a response-like column, optional {@code history} and {@code system}. */
    QUERY_RESPONSE,
    /** Only a response-like column: pre-training text. */
    TEXT;

    static final List<String> MESSAGES_KEYS = List.of("messages", "conversation", "conversations");
    static final List<String> QUERY_KEYS = List.of("query", "prompt", "input", "instruction", "question", "problem");
    static final List<String> RESPONSE_KEYS = List.of("response", "answer", "output", "targets", "target", "answer_key", "answers", "solution",
            "text", "completion", "content");
    static final List<String> SYSTEM_KEYS = List.of("system", "system_prompt");

    /** @param columns names of the row's columns in lower case; a column whose value is null counts as absent */
    static RowForm detect(Set<String> columns) {
        if (MESSAGES_KEYS.stream().anyMatch(columns::contains)) {
            return MESSAGES;
        }
        if (columns.contains("instruction") && columns.contains("input")) {
            return ALPACA;
        }
        boolean query = QUERY_KEYS.stream().anyMatch(columns::contains) || columns.contains("history");
        boolean response = RESPONSE_KEYS.stream().anyMatch(columns::contains);
        if (!query && !response) {
            throw new BadRowException(BadRow.Reason.UNKNOWN_FORM, "columns " + columns + " fit no row form: expected one of " + MESSAGES_KEYS
                    + ", or a question column " + QUERY_KEYS + " and an answer column " + RESPONSE_KEYS
                    + ", or an answer column alone for text; rename yours with --columns, for example --columns '{\"chosen\": \"response\"}'");
        }
        return query ? QUERY_RESPONSE : TEXT;
    }
}
