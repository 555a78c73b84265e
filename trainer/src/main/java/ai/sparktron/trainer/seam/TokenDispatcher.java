package ai.sparktron.trainer.seam;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * How tokens reach the experts of their layer and how what experts make of them comes back. By default all experts are here. Letters, slots and places are those
 * of {@link ai.sparktron.trainer.kernels.ExpertKernels}.
 */
public interface TokenDispatcher {

    /**
     * Decides which slot goes to which place; all ranks that share experts do so together.
     *
     * @param ids     I32 [T, k], -1 where a slot is dropped; may be overwritten once this has returned
     * @param experts E of the layer, held here or not
     * @param scratch gives memory that lives for a call, now and in calls of the dispatch
     * @param keep    gives the indices, for as long as the dispatch is used
     */
    Dispatch dispatch(Tensor ids, int experts, Engine engine, Arena scratch, Arena.Frame keep);

    /** Tokens of one layer and micro-batch on their way. Used in forward and again in backward, where what goes out are gradients. */
    interface Dispatch {

        /** N: rows at the experts held here. */
        long places();

        /** I32 [E' + 1]: where the rows of each expert held here begin. */
        Tensor offsets();

        /** Whether rows come from other ranks: then they are worth keeping, otherwise {@link #rows} may be called again. */
        boolean travels();

        /** rows [N, D] = the tokens [T, D] that chose each place's expert. */
        void rows(Tensor tokens, Tensor rows);

        /** Whether there is something to be gained by working while rows travel: then {@link #rows(Tensor, Tensor, Runnable)} is to be used. */
        default boolean workMayGoOn() {
            return false;
        }

        /** As {@link #rows(Tensor, Tensor)}. @param meanwhile run once, while rows travel where they do so in the background; needs none of them */
        default void rows(Tensor tokens, Tensor rows, Runnable meanwhile) {
            rows(tokens, rows);
            meanwhile.run();
        }

        /** factors [N] = the weights [T, k] of each place's slot. */
        void factors(Tensor weights, Tensor factors);

        /** tokens [T, D] = or += the sum of each token's rows [N, D]: the gradient of {@link #rows}. */
        void sums(Tensor rows, Tensor tokens, Write write);

        /** dWeights [T, k] = what came of dFactors [N] for each slot, 0 for dropped ones: the gradient of {@link #factors}. */
        void factorsGrad(Tensor dFactors, Tensor dWeights);
    }

    /** All experts are here. */
    static TokenDispatcher local() {
        return LocalDispatcher.INSTANCE;
    }
}
