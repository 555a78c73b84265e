package ai.sparktron.trainer.parallel;

import java.util.ArrayList;
import java.util.List;

/**
 * Megatron's notation of a pipeline's stages, {@code pipeline_model_parallel_layout}: {@code E} is the embedding, {@code t} a layer, {@code L} final norm, head and
 * loss; {@code |} ends a stage; {@code x*n} is n times x, {@code (...)*n} n times what is between; commas and blanks mean nothing. {@code Et*3|(tt|)*2,L}.
 */
final class LayoutText {

    private static final String OPTION = "--pipeline_model_parallel_layout ";

    private final String text;
    private int at;

    private LayoutText(String text) {
        this.text = text;
    }

    /**
     * Stages as words of {@code E}, {@code t} and {@code L}.
     *
     * @throws IllegalArgumentException when it cannot be read; names the place
     */
    static List<String> stages(String text) {
        LayoutText reader = new LayoutText(text);
        String written = reader.sequence(0);
        List<String> stages = new ArrayList<>(List.of(written.split("\\|", -1)));
        for (int stage = 0; stage < stages.size(); stage++) {
            if (stages.get(stage).isEmpty()) {
                throw new IllegalArgumentException(OPTION + text + ": stage " + stage + " of " + stages.size() + " holds nothing; take a | away");
            }
        }
        return stages;
    }

    /** Up to the end, or to the bracket that closes. */
    private String sequence(int depth) {
        StringBuilder written = new StringBuilder();
        while (at < text.length() && text.charAt(at) != ')') {
            char next = text.charAt(at++);
            switch (next) {
                case 'E', 't', 'L', '|' -> written.append(times(String.valueOf(next)));
                case ',', ' ' -> { }
                case '(' -> {
                    String inside = sequence(depth + 1);
                    if (at == text.length()) {
                        throw problem("a ( is not closed");
                    }
                    at++;
                    written.append(times(inside));
                }
                case 'm' -> throw problem("m, multi-token prediction, is not built; leave it out");
                default -> throw problem("there is a " + next + "; expected E, t, L, |, *n, ( or )");
            }
        }
        if (at < text.length() && depth == 0) {
            throw problem("a ) closes nothing");
        }
        return written.toString();
    }

    private String times(String what) {
        if (at == text.length() || text.charAt(at) != '*') {
            return what;
        }
        int from = ++at;
        while (at < text.length() && Character.isDigit(text.charAt(at))) {
            at++;
        }
        if (at == from || at - from > 4) {
            throw problem("a * needs a number of at most 4 digits behind it");
        }
        return what.repeat(Integer.parseInt(text.substring(from, at)));
    }

    private IllegalArgumentException problem(String what) {
        return new IllegalArgumentException(OPTION + text + ", character " + at + ": " + what);
    }
}
