package ai.sparktron.trainer.train;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.StochasticRounding;
import ai.sparktron.trainer.layer.Initialiser;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.optimizer.StateTypes;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Numbers of a rank's elements for {@link StochasticRounding}. A parameter's begin at a fingerprint of its name, and an element's is as much larger as it lies further on in
 * the whole parameter, whatever of it a rank holds and wherever that lies in the rank's flat buffer. So all grids round alike, but for two cases, in which ranks that
 * hold the same still do: the columns of a matrix that is cut by columns are numbered apart on each rank, and so is what follows a part of a parameter whose elements
 * are no multiple of 8.
 */
final class ElementNumbers {

    /** Elements that share a block of random words. */
    private static final int BLOCK = 8;

    private final List<long[]> stretches = new ArrayList<>();
    private long next;

    private ElementNumbers() {
    }

    /**
     * Rounding of the values of a flat buffer.
     *
     * @param seed of the run
     * @param run  gives the numbers
     * @return null where values are not rounded by chance, or nothing is trained
     */
    static StochasticRounding rounding(Engine engine, Parameters parameters, StateTypes types, long seed, Arena.Frame run) {
        List<long[]> stretches = types.roundsByChance() ? stretches(parameters) : List.of();
        if (stretches.isEmpty()) {
            return null;
        }
        Tensor numbers = run.tensor("element numbers", DType.I64, stretches.size(), 2);
        ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(numbers.sizeBytes())).order(ByteOrder.nativeOrder());
        stretches.forEach(stretch -> bytes.putLong(stretch[0]).putLong(stretch[1]));
        engine.write(numbers, bytes.flip());
        return new StochasticRounding(seed, numbers, 0);
    }

    /** First elements of the trained flat buffer, rising, and their numbers: {@link StochasticRounding#numbers()}. */
    static List<long[]> stretches(Parameters parameters) {
        ElementNumbers numbers = new ElementNumbers();
        parameters.all().stream().filter(parameter -> parameter.spec().trainable()).sorted(Comparator.comparingLong(Parameter::offset)).forEach(numbers::add);
        return numbers.stretches;
    }

    private void add(Parameter parameter) {
        long above = 0;
        for (int i = 0; i < parameter.slices().size(); i++) {
            TensorSlice slice = parameter.slices().get(i);
            TensorSpec.Expert expert = slice.tensor().expert();
            if (expert != null && (i == 0 || !expert.equals(parameter.slices().get(i - 1).tensor().expert()))) {
                above = expert.index() * ofExpert(parameter, expert);
            }
            long number = first(parameter.spec().name(), slice) + above;
            above += slice.tensor().elements();
            long flat = parameter.partOffset(i);
            if (i == 0 || number != next && flat % BLOCK == 0 && number % BLOCK == 0) {
                stretches.add(new long[] {flat, number & -BLOCK});
                next = number & -BLOCK;
            }
            next += slice.elements();
        }
    }

    /** Elements of one expert of a parameter, whole. */
    private static long ofExpert(Parameter parameter, TensorSpec.Expert expert) {
        return parameter.spec().parts().stream().filter(part -> expert.equals(part.expert())).mapToLong(TensorSpec::elements).sum();
    }

    /** Number of the first element held, as if the tensor were the first part of its parameter. */
    private static long first(String parameter, TensorSlice slice) {
        boolean vector = slice.tensor().dims().size() == 1;
        boolean cut = !vector && slice.columns() < slice.tensor().columns();
        String name = cut ? parameter + " from column " + slice.firstColumn() : parameter;
        return (Initialiser.fingerprint(name) & -BLOCK) + (vector ? slice.firstColumn() : slice.firstRow() * slice.columns());
    }
}
