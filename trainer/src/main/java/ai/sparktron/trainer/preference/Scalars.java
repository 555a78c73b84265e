package ai.sparktron.trainer.preference;

/** The few functions of a number that losses of preferences are made of, safe for large arguments. */
final class Scalars {

    private Scalars() {
    }

    /** 1 / (1 + e^-z). */
    static double sigmoid(double z) {
        return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
    }

    /** log sigmoid(z); its derivative is sigmoid(-z). */
    static double logSigmoid(double z) {
        return -softplus(-z);
    }

    /** log(1 + e^z); its derivative is sigmoid(z). */
    static double softplus(double z) {
        return z > 0 ? z + Math.log1p(Math.exp(-z)) : Math.log1p(Math.exp(z));
    }

    /** sigmoid(z) sigmoid(-z), the derivative of sigmoid. */
    static double sigmoidSlope(double z) {
        return sigmoid(z) * sigmoid(-z);
    }
}
