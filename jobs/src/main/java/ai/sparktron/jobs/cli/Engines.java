package ai.sparktron.jobs.cli;

import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.kernels.EngineFactory;
import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;

/** Engines by option. */
final class Engines {

    private Engines() {
    }

    /** The engine that {@code --engine} and {@code --kernels} name. */
    static EngineFactory of(Options options) {
        return switch (options.engine().engine()) {
            case ND4J -> switch (options.engine().kernels()) {
                case HOST -> Nd4jEngines.factory(Nd4jEngines.Face.HOST);
                case ND4J -> Nd4jEngines.factory(Nd4jEngines.Face.ND4J);
            };
            case CUDA -> throw new IllegalStateException("engine cuda is refused when options are parsed");
        };
    }
}
