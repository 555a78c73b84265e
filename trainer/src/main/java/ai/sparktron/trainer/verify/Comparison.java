package ai.sparktron.trainer.verify;

import java.util.Locale;

/**
 * One quantity against its reference.
 *
 * @param quantity      name
 * @param maxDifference largest absolute difference; for counts, the number of differing entries
 * @param relative      norm of the difference over norm of the reference (at least {@value #NORM_FLOOR}); NaN where it has no meaning
 * @param measure       which of the two is held to the tolerance
 * @param tolerance     bound
 */
public record Comparison(String quantity, double maxDifference, double relative, Measure measure, double tolerance) {

    /** References of a smaller norm are rounding themselves (a gradient that is 0 by symmetry): differences are then measured against this. */
    private static final double NORM_FLOOR = 1e-3;

    /** What is held to the tolerance. */
    public enum Measure { ABSOLUTE, RELATIVE }

    /** NaN does not pass. */
    public boolean passed() {
        return (measure == Measure.ABSOLUTE ? maxDifference : relative) <= tolerance;
    }

    /** Compares arrays. @throws IllegalArgumentException when sizes differ */
    static Comparison of(String quantity, float[] ours, float[] theirs, Measure measure, double tolerance) {
        if (ours.length != theirs.length) {
            throw new IllegalArgumentException(quantity + ": " + ours.length + " numbers, but the reference case has " + theirs.length);
        }
        double max = 0;
        for (int i = 0; i < ours.length; i++) {
            double difference = Math.abs((double) ours[i] - theirs[i]);
            max = difference > max || Double.isNaN(difference) ? difference : max;
        }
        return new Comparison(quantity, max, relative(ours, theirs), measure, tolerance);
    }

    /** Norm of the difference over norm of the reference. */
    static double relative(float[] ours, float[] reference) {
        double squares = 0;
        double norm = 0;
        for (int i = 0; i < ours.length; i++) {
            double difference = (double) ours[i] - reference[i];
            squares += difference * difference;
            norm += (double) reference[i] * reference[i];
        }
        return Math.sqrt(squares) / Math.max(Math.sqrt(norm), NORM_FLOOR);
    }

    /** One line: quantity, both differences, bound, verdict. */
    public String line() {
        return String.format(Locale.ROOT, "%-64s max_abs %.3e  relative %s  %s <= %.1e  %s", quantity, maxDifference,
                Double.isNaN(relative) ? "-        " : String.format(Locale.ROOT, "%.3e", relative),
                measure == Measure.ABSOLUTE ? "max_abs" : "relative", tolerance, passed() ? "pass" : "FAIL");
    }
}
