package ai.sparktron.trainer.seam;

import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;

/** A region without borders. */
enum NoRegion implements Region {
    INSTANCE;

    @Override
    public Tensor enter(Tensor x, Arena.Frame scratch) {
        return x;
    }

    @Override
    public Tensor partial(Tensor out, Arena.Frame scratch) {
        return out;
    }

    @Override
    public void exit(Tensor partial, Tensor out) {
        requireSame(partial, out);
    }

    @Override
    public Tensor exitGrad(Tensor dOut, Arena.Frame scratch) {
        return dOut;
    }

    @Override
    public Tensor enteredGradient(Tensor dx, Arena.Frame scratch) {
        return dx;
    }

    @Override
    public void enterGrad(Tensor dEntered, Tensor dx) {
        requireSame(dEntered, dx);
    }

    @Override
    public int tokensInside(int tokensOutside) {
        return tokensOutside;
    }

    @Override
    public int tokensOutside(int tokensInside) {
        return tokensInside;
    }

    private static void requireSame(Tensor inside, Tensor outside) {
        if (inside != outside) {
            throw new IllegalStateException("region left with " + inside + ", expected the very tensor outside, " + outside);
        }
    }
}
