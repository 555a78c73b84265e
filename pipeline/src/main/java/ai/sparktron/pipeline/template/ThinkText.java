package ai.sparktron.pipeline.template;

import ai.sparktron.pipeline.dataset.Message;

/**
 * An answer split into its thinking and the rest, as Qwen3's and DeepSeek's own templates split it.
 *
 * @param reasoning text between the think marks, or null where the answer has none
 * @param answer    the rest as it stands after the closing mark
 */
record ThinkText(String reasoning, String answer) {

    private static final String OPEN = "<think>";
    private static final String CLOSE = "</think>";

    static ThinkText of(Message message) {
        if (message.extra().get("reasoning_content") instanceof String reasoning) {
            return new ThinkText(reasoning, message.content());
        }
        return of(message.content());
    }

    static ThinkText of(String content) {
        int close = content.indexOf(CLOSE);
        if (close < 0) {
            return new ThinkText(null, content);
        }
        String before = content.substring(0, close);
        int open = before.lastIndexOf(OPEN);
        return new ThinkText(open < 0 ? before : before.substring(open + OPEN.length()), afterThinking(content));
    }

    private static String afterThinking(String content) {
        return content.substring(content.lastIndexOf(CLOSE) + CLOSE.length());
    }

    boolean hasReasoning() {
        return reasoning != null;
    }

    /** Thinking and answer in the spacing that the models produce. */
    String written() {
        return OPEN + "\n" + trimmed(reasoning, "\n", true, true) + "\n" + CLOSE + "\n\n" + trimmed(answer, "\n", true, false);
    }

    /** Text without the given characters at its ends. */
    static String trimmed(String text, String characters, boolean left, boolean right) {
        int from = 0;
        int to = text.length();
        while (left && from < to && characters.indexOf(text.charAt(from)) >= 0) {
            from++;
        }
        while (right && to > from && characters.indexOf(text.charAt(to - 1)) >= 0) {
            to--;
        }
        return text.substring(from, to);
    }
}
