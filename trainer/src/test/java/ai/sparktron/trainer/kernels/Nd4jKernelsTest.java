package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;

/** The kernels written on ND4J's own operations. */
class Nd4jKernelsTest extends KernelsContract {
    @Override
    Engine openEngine() {
        return Nd4jEngines.open(Nd4jEngines.Face.ND4J);
    }
}
