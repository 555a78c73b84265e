package ai.sparktron.trainer.optimizer;

import java.util.Locale;

/**
 * Learning rate by position, Megatron's rule: linear warm-up from 0, then decay to {@code min_lr}, which is kept past the end. Position is counted in
 * steps; step k of a run, from 0, trains with the rate at position k, so with warm-up the very first step has rate 0.
 *
 * @param style       {@code lr_decay_style}
 * @param peak        {@code lr}
 * @param floor       {@code min_lr}
 * @param warmupSteps steps of warm-up
 * @param decaySteps  {@code lr_decay_iters}: position at which the floor is reached
 * @param annealSteps {@code lr_wsd_decay_iters}: last part of {@code decaySteps} in which {@link Style#WSD} decays; ignored by other styles
 */
public record LearningRateSchedule(Style style, double peak, double floor, double warmupSteps, double decaySteps, double annealSteps) {

    /** Shape of the decay. */
    public enum Style {
        COSINE, LINEAR, CONSTANT, INVERSE_SQUARE_ROOT,
        /** Warm-up, stable, decay: constant until the last {@code annealSteps}, then exponential as in Megatron's default. */
        WSD;

        /** @throws IllegalArgumentException naming the choices */
        public static Style of(String option) {
            for (Style style : values()) {
                if (style.option().equals(option)) {
                    return style;
                }
            }
            throw new IllegalArgumentException("lr_decay_style " + option + ": expected cosine, linear, constant, inverse-square-root or WSD");
        }

        /** Megatron's spelling. */
        public String option() {
            return this == WSD ? "WSD" : name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    public LearningRateSchedule {
        if (!(peak >= floor) || floor < 0) {
            throw new IllegalArgumentException("lr " + peak + " and min_lr " + floor + ": expected 0 <= min_lr <= lr");
        }
        if (warmupSteps < 0 || warmupSteps > 0 && warmupSteps >= decaySteps && style != Style.CONSTANT) {
            throw new IllegalArgumentException("warm-up of " + warmupSteps + " steps within a decay of " + decaySteps
                    + ": expected fewer; lower lr_warmup_fraction or lr_warmup_iters, or raise lr_decay_iters");
        }
    }

    /** Rate at a position. */
    public double at(double position) {
        if (warmupSteps > 0 && position <= warmupSteps) {
            return peak * position / warmupSteps;
        }
        if (style == Style.CONSTANT) {
            return peak;
        }
        if (position > decaySteps) {
            return floor;
        }
        if (style == Style.INVERSE_SQUARE_ROOT) {
            return Math.max(floor, peak * Math.sqrt(Math.max(warmupSteps, 1)) / Math.sqrt(Math.max(position, 1)));
        }
        double ratio = decaySteps == warmupSteps ? 1 : (position - warmupSteps) / (decaySteps - warmupSteps);
        return floor + coefficient(ratio, position) * (peak - floor);
    }

    private double coefficient(double ratio, double position) {
        return switch (style) {
            case COSINE -> 0.5 * (Math.cos(Math.PI * ratio) + 1);
            case LINEAR -> 1 - ratio;
            case WSD -> {
                double annealed = position - (decaySteps - annealSteps);
                yield annealed <= 0 ? 1 : 2 * Math.pow(0.5, annealed / annealSteps) - 1;
            }
            case CONSTANT, INVERSE_SQUARE_ROOT -> throw new IllegalStateException(style + " has no coefficient");
        };
    }
}
