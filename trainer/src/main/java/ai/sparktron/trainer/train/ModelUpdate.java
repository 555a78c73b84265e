package ai.sparktron.trainer.train;

import ai.sparktron.trainer.checkpoint.StatePiece;
import ai.sparktron.trainer.layer.ParameterUse;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.tensor.Tensor;
import java.io.IOException;
import java.util.List;

/** What data-parallel ranks share of a model and how it is updated: replicas ({@link ParameterUpdate}), or shares of one ({@link ShardedUpdate}). */
public interface ModelUpdate extends AutoCloseable {

    /** Fills the weights of parameters. */
    @FunctionalInterface
    interface Loader {
        /**
         * @param weights takes weights in float32 by their elements in the parameters' flat value buffer, whatever form they are kept in; hears of those that were
         *                made on the engine instead
         */
        void load(Parameters parameters, FlatWeights weights) throws IOException;
    }

    /** A training step begins: its passes, then {@link #apply}. */
    default void begin() {
        // Most look at passes one by one.
    }

    /**
     * Reduces the gradients, updates the parameters on all ranks and clears the gradients.
     *
     * @param learningRate rate of this step
     * @param denominator  what the summed gradient is divided by: trained tokens of the global batch, times the loss's scale
     * @return float32 [1] on the engine until the next call: L2 norm of the mean gradient before clipping; where it is not finite, nothing was updated
     */
    Tensor apply(double learningRate, double denominator);

    /** What layers tell of their parameters' use; the model is built with it. */
    ParameterUse use();

    /** Runs forward or backward of layers that are through for the step with it: gradients that it tells of are complete. */
    void lastPass(Runnable pass);

    /** Whether ranks meet in every pass, so that none may leave one out. */
    boolean meetsInEveryPass();

    /** Starts from other weights; every parameter is given to the loader once. */
    void load(Loader loader) throws IOException;

    /** Sets values and gradients to zero. */
    void clear();

    /** Makes the values of a tensor readable, where they are held, on all data-parallel ranks, which call it together, until the next call. */
    void bring(TensorSpec tensor);

    /** Adds the sum of squares of the model's values, over all ranks each element's once. @param squares float32 [1] */
    void addSquaresOfValues(Tensor squares);

    /** Updates done so far. */
    long steps();

    /** Continues from a restored state, or takes back a step that updated nothing. */
    void restore(long steps);

    /**
     * What this rank writes into a checkpoint: float32 values and optimizer state. Ranks that hold the same write a share each.
     *
     * @param withOptimizer false = nothing ({@code no_save_optim}): the weights are in the Hugging Face files anyway
     */
    List<StatePiece> toSave(boolean withOptimizer);

    /** Float32 values of the trained parameters held here, to be read. */
    List<StatePiece> valuesToLoad();

    /** Optimizer state held here, to be read. */
    List<StatePiece> optimizerToLoad();

    /** Bytes of weights and gradients held on the device. */
    long heldBytes();

    /** Frees what is held on the host. */
    @Override
    void close();
}
