package ai.sparktron.trainer.model;

import java.util.Objects;

/**
 * Random numbers that a tensor starts from when there are no weights to load; spread 0 is the constant {@code mean}.
 *
 * @param shape  how they are distributed
 * @param mean   mean
 * @param spread standard deviation of normal numbers; of uniform ones the largest distance from the mean
 */
public record Initialisation(Shape shape, float mean, float spread) {

    /** Distributions. */
    public enum Shape { NORMAL, UNIFORM }

    public Initialisation {
        Objects.requireNonNull(shape, "shape");
    }

    public static Initialisation constant(float value) {
        return new Initialisation(Shape.NORMAL, value, 0);
    }

    public static Initialisation normal(double deviation) {
        return new Initialisation(Shape.NORMAL, 0, (float) deviation);
    }

    /** Between {@code -bound} and {@code bound}. */
    public static Initialisation uniform(double bound) {
        return new Initialisation(Shape.UNIFORM, 0, (float) bound);
    }

    public boolean isConstant() {
        return spread == 0;
    }
}
