package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;

/** The CPU's eight bits. */
class HostFp8KernelsTest extends Fp8KernelsContract {

    @Override
    Engine openEngine() {
        return Nd4jEngines.open(Nd4jEngines.Face.HOST);
    }
}
