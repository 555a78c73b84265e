package ai.sparktron.trainer.train;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Readback;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/** L2 norm of all parameters of the model, each element counted once over all ranks ({@code log_params_norm}): of the values that layers use, frozen ones too. */
final class ParameterNorm {

    /** By which name reports have it. */
    static final String NAME = "params_norm";

    private final Engine engine;
    private final ModelUpdate update;
    private final Communicator ranks;
    private final Tensor squares;

    /**
     * @param ranks all there are
     * @param run   gives the sum
     */
    ParameterNorm(Engine engine, ModelUpdate update, Communicator ranks, Arena.Frame run) {
        this.engine = engine;
        this.update = update;
        this.ranks = ranks;
        this.squares = run.tensor("sum of squared parameters", DType.F32, 1);
    }

    /** Starts reading the square of the present norm; all ranks call it together. */
    Readback startReadingSquare() {
        engine.kernels().fill(squares, 0);
        update.addSquaresOfValues(squares);
        if (ranks.size() > 1) {
            ranks.allReduce(squares, Reduction.SUM);
        }
        return engine.readLater(squares);
    }
}
