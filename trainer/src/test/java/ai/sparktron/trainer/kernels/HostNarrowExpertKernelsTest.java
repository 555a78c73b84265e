package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;

/** Mixtures of experts on the CPU in half precision. */
class HostNarrowExpertKernelsTest extends NarrowExpertKernelsContract {
    @Override
    Engine openEngine() {
        return Nd4jEngines.open(Nd4jEngines.Face.HOST);
    }
}
