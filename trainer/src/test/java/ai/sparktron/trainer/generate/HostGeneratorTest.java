package ai.sparktron.trainer.generate;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;

class HostGeneratorTest extends GeneratorContract {

    @Override
    Engine openEngine() {
        return Nd4jEngines.factory(Nd4jEngines.Face.HOST).open(0);
    }

    @Override
    boolean records() {
        return false;
    }
}
