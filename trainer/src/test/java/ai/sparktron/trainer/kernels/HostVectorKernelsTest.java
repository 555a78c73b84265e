package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.kernels.nd4j.TestEngines;

/** The CPU's kernels on the Vector API. */
class HostVectorKernelsTest extends KernelsContract {
    @Override
    Engine openEngine() {
        return TestEngines.vector();
    }
}
