package ai.sparktron.trainer.config;

import java.util.List;

/** What was asked for cannot be done as asked: every problem found, each with what, value, expected and the way out. Never retried. */
public final class ConfigurationException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    private final transient List<String> problems;

    /** One problem. */
    public ConfigurationException(String problem) {
        this(List.of(problem));
    }

    /**
     * All problems.
     *
     * @param problems at least one
     */
    public ConfigurationException(List<String> problems) {
        super(message(problems));
        this.problems = List.copyOf(problems);
    }

    /** The problems one by one. */
    public List<String> problems() {
        return problems == null ? List.of(getMessage()) : problems;
    }

    private static String message(List<String> problems) {
        if (problems.size() == 1) {
            return problems.get(0);
        }
        StringBuilder text = new StringBuilder(problems.size() + " problems:");
        for (String problem : problems) {
            text.append("\n  - ").append(problem);
        }
        return text.toString();
    }
}
