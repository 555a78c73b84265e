package ai.sparktron.pipeline.template;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * {@code --loss_scale}: which turns are trained, and rules that weigh parts of their text. Written as a base, as a rule, or as a chain of both with
 * {@code +} between them ({@code last_round+hermes+ignore_empty_think}); the weights of chained rules are multiplied.
 */
public record LossScale(Base base, List<WeightRule> rules) implements Serializable {

    /** Which turns are trained. */
    public enum Base {
        /** Every answer. */
        DEFAULT,
        /** The answers after the last turn of the user. */
        LAST_ROUND,
        /** Every token. */
        ALL
    }

    public static final LossScale DEFAULT = new LossScale(Base.DEFAULT, List.of());
    public static final LossScale LAST_ROUND = new LossScale(Base.LAST_ROUND, List.of());
    public static final LossScale ALL = new LossScale(Base.ALL, List.of());

    public LossScale {
        Objects.requireNonNull(base, "base");
        rules = List.copyOf(rules);
    }

    /** @throws IllegalArgumentException for an unknown name, listing the known ones */
    public static LossScale parse(String text) {
        String chain = text.equals("last_round_with_ignore_empty_think") ? "last_round+ignore_empty_think" : text;
        Base base = Base.DEFAULT;
        List<WeightRule> rules = new ArrayList<>();
        String[] parts = chain.split("\\+", -1);
        for (int i = 0; i < parts.length; i++) {
            Base named = baseOf(parts[i]);
            if (i == 0 && named != null) {
                base = named;
                continue;
            }
            WeightRule rule = WeightRule.named(parts[i]);
            if (rule == null) {
                throw new IllegalArgumentException("loss_scale '" + text + "': " + (named != null ? "'" + parts[i] + "' must come first"
                        : "unknown part '" + parts[i] + "'") + ": expected default, last_round, all, last_round_with_ignore_empty_think or one of "
                        + WeightRule.names() + ", or a chain such as last_round+hermes");
            }
            rules.add(rule);
        }
        return new LossScale(base, rules);
    }

    private static Base baseOf(String name) {
        return switch (name) {
            case "default" -> Base.DEFAULT;
            case "last_round" -> Base.LAST_ROUND;
            case "all" -> Base.ALL;
            default -> null;
        };
    }

    /** Whether only the last round is trained, which also cuts the thinking of earlier turns. */
    boolean isLastRound() {
        return base == Base.LAST_ROUND;
    }

    /** An answer's text in weighted parts. @param query the user's text before it */
    List<WeightRule.Part> weigh(String query, String answer) {
        List<WeightRule.Part> parts = List.of(new WeightRule.Part(answer, 1));
        for (WeightRule rule : rules) {
            List<WeightRule.Part> finer = new ArrayList<>();
            for (WeightRule.Part part : parts) {
                rule.weigh(query, part.text()).forEach(inner -> finer.add(new WeightRule.Part(inner.text(), inner.weight() * part.weight())));
            }
            parts = finer;
        }
        return parts;
    }

    /** The canonical spelling. */
    @Override
    public String toString() {
        StringBuilder out = new StringBuilder(base.name().toLowerCase(java.util.Locale.ROOT));
        rules.forEach(rule -> out.append('+').append(rule.name()));
        return out.toString();
    }
}
