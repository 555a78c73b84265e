package ai.sparktron.trainer.verify;

import ai.sparktron.trainer.kernels.EngineFactory;
import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;

/** The CPU engine in 16 bits. */
class NarrowCaseTest extends NarrowCaseContract {

    @Override
    EngineFactory engines() {
        return Nd4jEngines.factory(Nd4jEngines.Face.HOST);
    }
}
