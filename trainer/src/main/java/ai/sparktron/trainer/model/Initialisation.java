package ai.sparktron.trainer.model;

/**
 * Normal numbers that a tensor starts from when there are no weights to load; deviation 0 is the constant {@code mean}.
 *
 * @param mean      mean
 * @param deviation standard deviation
 */
public record Initialisation(float mean, float deviation) {

    public static Initialisation constant(float value) {
        return new Initialisation(value, 0);
    }

    public static Initialisation normal(double deviation) {
        return new Initialisation(0, (float) deviation);
    }

    public boolean isConstant() {
        return deviation == 0;
    }
}
