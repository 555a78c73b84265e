package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.function.Predicate;

/**
 * The ranks that together hold one replica of the model. Parameters are either cut over them or whole on each; what is whole counts once.
 *
 * @param ranks   the group
 * @param partial whole parameters of which each rank has but a share of the gradient
 */
public record ModelGroup(Communicator ranks, Predicate<ParameterSpec> partial) {

    /** Adds up the shares of gradients of whole parameters, so that they are the same on all ranks. */
    public void completeGradients(Parameters parameters) {
        if (ranks.size() == 1) {
            return;
        }
        parameters.all().forEach(this::completeGradient);
    }

    /** As the other, of one parameter; the ranks take parameters in the same order. */
    public void completeGradient(Parameter parameter) {
        if (ranks.size() > 1 && parameter.isTrained() && isWhole(parameter) && partial.test(parameter.spec())) {
            ranks.allReduce(parameter.gradient(), Reduction.SUM);
        }
    }

    /** Whether this rank is the one to speak for a parameter: everybody for what is cut, the first rank for what is whole. */
    public boolean answersFor(Parameter parameter) {
        return ranks.rank() == 0 || !isWhole(parameter);
    }

    /**
     * Sum of squares over this rank's share of a range of the flat gradient; the shares of the ranks of the group add up to the replica's.
     *
     * @param gradient elements {@code first} to {@code first + gradient.elements()} of the flat gradient
     * @param out      float32 or float64 [1], added to
     */
    public void shareOfSquares(Kernels kernels, Parameters parameters, Tensor gradient, long first, Tensor out) {
        if (ranks.rank() == 0) {
            kernels.sumOfSquares(gradient, out, Write.ACCUMULATE);
            return;
        }
        long last = first + gradient.elements();
        for (Parameter parameter : parameters.all()) {
            if (parameter.isTrained() && answersFor(parameter)) {
                long low = Math.max(first, parameter.offset());
                long high = Math.min(last, parameter.offset() + parameter.gradient().elements());
                if (low < high) {
                    kernels.sumOfSquares(gradient.rows(low - first, high - low), out, Write.ACCUMULATE);
                }
            }
        }
    }

    private static boolean isWhole(Parameter parameter) {
        return parameter.slices().stream().allMatch(TensorSlice::isWhole);
    }
}
