package ai.sparktron.trainer.seam;

import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * The stretch of a layer between two products whose weights are cut: it is entered with a whole (or, under sequence parallel, a part of T) activation and
 * left with a partial sum. By default both borders are nothing: the tensors given are the tensors returned.
 *
 * <p>Forward: {@code entered = enter(x)}, products, the last of them into {@code partial(out)}, then {@code exit(partial, out)}. Backward:
 * {@code dPartial = exitGrad(dOut)}, products, the last into {@code enteredGradient(dx)}, then {@code enterGrad(dEntered, dx)}. Tensors from {@code scratch}
 * live until the caller closes it.
 */
public interface Region {

    /** The activation [T inside, D] that products read, of x [T outside, D]. */
    Tensor enter(Tensor x, Arena.Frame scratch);

    /** Where the last product of the region writes, [T inside, D], so that {@link #exit} has the least to do. */
    Tensor partial(Tensor out, Arena.Frame scratch);

    /** out [T outside, D] = the sum of all ranks' partials. */
    void exit(Tensor partial, Tensor out);

    /** Gradient [T inside, D] of the partial. */
    Tensor exitGrad(Tensor dOut, Arena.Frame scratch);

    /** Where the product that ends the region's backward writes, [T inside, D]. */
    Tensor enteredGradient(Tensor dx, Arena.Frame scratch);

    /** dx [T outside, D] = the sum of all ranks' gradients of the entered activation. */
    void enterGrad(Tensor dEntered, Tensor dx);

    /** Rows inside the region for this many outside. */
    int tokensInside(int tokensOutside);

    /** Rows outside for this many inside. */
    int tokensOutside(int tokensInside);

    /** Place of this rank's first token outside among those inside. */
    default int firstOutside(int tokensInside) {
        return 0;
    }

    /** x = the sum over ranks that have other tokens outside; as it is where all have the same. */
    default void sumOfTokens(Tensor x) {
        // Every rank sees every token.
    }

    /** No border. */
    static Region none() {
        return NoRegion.INSTANCE;
    }
}
