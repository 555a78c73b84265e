package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;

/** The CPU engine's store. */
class SharedMemoryStoreTest extends HostStoreContract {

    @Override
    Engine openEngine() {
        return Nd4jEngines.open(Nd4jEngines.Face.HOST);
    }
}
