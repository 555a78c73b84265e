package ai.sparktron.pipeline.template;

import java.io.Serializable;
import java.time.LocalDate;
import java.util.Objects;

/**
 * What a run decides about rendering.
 *
 * @param system             {@code --system}: for rows without a system message; null = the template's default; empty = none at all
 * @param lossScale          {@code --loss_scale}
 * @param enableThinking     {@code --enable_thinking}; null = the template's default
 * @param addNonThinkingPrefix whether trained answers without thinking get the template's empty think block
 * @param splitSpecialTokens whether spellings of special tokens in a row's text stay text
 * @param date               the day that templates with a date line print; taken once per run so that all tasks print the same
 */
public record RenderOptions(String system, LossScale lossScale, Boolean enableThinking, boolean addNonThinkingPrefix, boolean splitSpecialTokens,
                            LocalDate date) implements Serializable {

    public RenderOptions {
        Objects.requireNonNull(lossScale, "lossScale");
        Objects.requireNonNull(date, "date");
    }

    /** All defaults. */
    public static RenderOptions on(LocalDate date) {
        return new RenderOptions(null, LossScale.DEFAULT, null, true, false, date);
    }

    public RenderOptions withSystem(String text) {
        return new RenderOptions(text, lossScale, enableThinking, addNonThinkingPrefix, splitSpecialTokens, date);
    }

    public RenderOptions withLossScale(LossScale scale) {
        return new RenderOptions(system, scale, enableThinking, addNonThinkingPrefix, splitSpecialTokens, date);
    }

    public RenderOptions withThinking(Boolean enabled) {
        return new RenderOptions(system, lossScale, enabled, addNonThinkingPrefix, splitSpecialTokens, date);
    }

    public RenderOptions withNonThinkingPrefix(boolean added) {
        return new RenderOptions(system, lossScale, enableThinking, added, splitSpecialTokens, date);
    }

    public RenderOptions withSplitSpecialTokens(boolean split) {
        return new RenderOptions(system, lossScale, enableThinking, addNonThinkingPrefix, split, date);
    }
}
