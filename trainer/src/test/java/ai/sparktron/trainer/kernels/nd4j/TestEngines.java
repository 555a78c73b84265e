package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.kernels.Engine;

/** The CPU engines that the contract is run on, by their inner loops. */
public final class TestEngines {

    private TestEngines() {
    }

    public static Engine scalar() {
        return Nd4jEngines.open(Nd4jEngines.Face.HOST, new ScalarRowMath());
    }

    /** @throws IllegalStateException when the tests' JVM has no Vector API: its flags are wrong */
    public static Engine vector() {
        return Nd4jEngines.open(Nd4jEngines.Face.HOST, RowMathProvider.vector());
    }
}
