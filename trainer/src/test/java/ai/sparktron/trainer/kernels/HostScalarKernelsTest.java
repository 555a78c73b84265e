package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.kernels.nd4j.TestEngines;

/** The CPU's kernels where the JVM has no Vector API. */
class HostScalarKernelsTest extends KernelsContract {
    @Override
    Engine openEngine() {
        return TestEngines.scalar();
    }
}
