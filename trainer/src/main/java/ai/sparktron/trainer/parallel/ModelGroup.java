package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * The ranks that together hold one replica of the model: stages of layers, and on each stage parameters that are either cut over its ranks or whole on each. What is
 * whole counts once, and so does a table that two stages hold.
 *
 * @param ranks   the group
 * @param stage   those that hold the same layers
 * @param partial whole parameters of which each rank of a stage has but a share of the gradient
 * @param copies  this rank of the first and its like of the last stage, each of which holds the table that embeds tokens, since it is the head too or embeds the tokens
 *                of layers that predict further ones; null everywhere else
 */
public record ModelGroup(Communicator ranks, Communicator stage, Predicate<ParameterSpec> partial, Communicator copies) {

    /** Adds up the shares of gradients of whole parameters, so that they are the same on all ranks of a stage. */
    public void completeGradients(Parameters parameters) {
        parameters.all().forEach(this::completeGradient);
    }

    /** As the other, of one parameter; the ranks take parameters in the same order. */
    public void completeGradient(Parameter parameter) {
        if (stage.size() > 1 && parameter.isTrained() && isWhole(parameter) && partial.test(parameter.spec())) {
            stage.allReduce(parameter.gradient(), Reduction.SUM);
        }
    }

    /** The trained parameter that another stage holds a copy of. Both keep it at the beginning of their flat buffers. */
    public Optional<Parameter> copied(Parameters parameters) {
        if (copies == null || !parameters.has(DecoderSpecs.EMBEDDING) || !parameters.get(DecoderSpecs.EMBEDDING).isTrained()) {
            return Optional.empty();
        }
        Parameter table = parameters.get(DecoderSpecs.EMBEDDING);
        if (table.offset() != 0) {
            throw new IllegalStateException("the table that embeds tokens, of which another stage has a copy, lies at element " + table.offset()
                    + " of the flat buffers, expected 0: its copies would be shared out in different ways");
        }
        return Optional.of(table);
    }

    /** Makes gradients of a copy the sum of both copies'. @param part the same elements of the table on both stages */
    public void addCopies(Tensor part) {
        copies.allReduce(part, Reduction.SUM);
    }

    /** Whether this rank is the one to speak for a parameter: everybody for what is cut, the first rank of a stage for what is whole; of copies the first. */
    public boolean answersFor(Parameter parameter) {
        return (stage.rank() == 0 || !isWhole(parameter)) && !isSecondCopy(parameter);
    }

    private boolean isSecondCopy(Parameter parameter) {
        return copies != null && copies.rank() > 0 && parameter.spec().name().equals(DecoderSpecs.EMBEDDING);
    }

    /**
     * Sum of squares over this rank's share of a range of the flat gradient; the shares of the ranks of the group add up to the replica's.
     *
     * @param gradient elements {@code first} to {@code first + gradient.elements()} of the flat gradient
     * @param out      float32 or float64 [1], added to
     */
    public void shareOfSquares(Kernels kernels, Parameters parameters, Tensor gradient, long first, Tensor out) {
        if (stage.rank() == 0 && (copies == null || copies.rank() == 0)) { // It answers for everything.
            kernels.sumOfSquares(gradient, out, Write.ACCUMULATE);
            return;
        }
        long last = first + gradient.elements();
        for (Parameter parameter : parameters.all()) {
            if (parameter.isTrained()) {
                long low = Math.max(first, parameter.offset());
                long high = Math.min(last, parameter.offset() + parameter.gradient().elements());
                if (low < high && answersFor(parameter)) {
                    kernels.sumOfSquares(gradient.rows(low - first, high - low), out, Write.ACCUMULATE);
                }
            }
        }
    }

    private static boolean isWhole(Parameter parameter) {
        return parameter.slices().stream().allMatch(TensorSlice::isWhole);
    }
}
