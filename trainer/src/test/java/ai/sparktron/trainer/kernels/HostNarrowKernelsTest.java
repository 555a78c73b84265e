package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;

/** The CPU's kernels on 16-bit tensors. */
class HostNarrowKernelsTest extends NarrowKernelsContract {

    @Override
    Engine openEngine() {
        return Nd4jEngines.open(Nd4jEngines.Face.HOST);
    }
}
