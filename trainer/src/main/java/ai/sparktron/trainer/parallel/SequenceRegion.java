package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.seam.Region;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Outside of regions each rank has T / ranks tokens (sequence parallel, arXiv 2205.05198): a region is entered by an all-gather of tokens and left by a
 * reduce-scatter, which together move as much as the one all-reduce they stand for.
 */
record SequenceRegion(Communicator group) implements Region {

    private Tensor whole(Tensor part, Arena.Frame scratch) {
        return scratch.tensor("whole", part.dtype(), group.size() * part.rows(), part.columns());
    }

    @Override
    public Tensor enter(Tensor x, Arena.Frame scratch) {
        Tensor whole = whole(x, scratch);
        group.allGather(x, whole);
        return whole;
    }

    @Override
    public Tensor partial(Tensor out, Arena.Frame scratch) {
        return whole(out, scratch);
    }

    @Override
    public void exit(Tensor partial, Tensor out) {
        group.reduceScatter(partial, out, Reduction.SUM);
    }

    @Override
    public Tensor exitGrad(Tensor dOut, Arena.Frame scratch) {
        return enter(dOut, scratch);
    }

    @Override
    public Tensor enteredGradient(Tensor dx, Arena.Frame scratch) {
        return whole(dx, scratch);
    }

    @Override
    public void enterGrad(Tensor dEntered, Tensor dx) {
        group.reduceScatter(dEntered, dx, Reduction.SUM);
    }

    @Override
    public int tokensInside(int tokensOutside) {
        return tokensOutside * group.size();
    }

    @Override
    public int tokensOutside(int tokensInside) {
        if (tokensInside % group.size() != 0) {
            throw new IllegalStateException(tokensInside + " tokens of a micro-batch do not divide by the " + group.size()
                    + " ranks of sequence_parallel: pad them to ParallelPlan.tokenMultiple()");
        }
        return tokensInside / group.size();
    }

    @Override
    public int firstOutside(int tokensInside) {
        return group.rank() * tokensOutside(tokensInside);
    }

    @Override
    public void sumOfTokens(Tensor x) {
        group.allReduce(x, Reduction.SUM);
    }
}
