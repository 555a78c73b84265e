package ai.sparktron.trainer.train;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.StochasticRounding;
import ai.sparktron.trainer.layer.Initialiser;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.optimizer.StateTypes;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Comparator;
import java.util.List;

/**
 * Numbers of a rank's elements for {@link StochasticRounding}: a parameter's begin at a number made of its name, so they are the same on all ranks that hold the same of it,
 * wherever it lies in their flat buffers. A rank that holds a part of a parameter begins as far on as its part does, which is exact where rows or experts are dealt out.
 */
final class ElementNumbers {

    /** Elements that share a block of random words. */
    private static final long BLOCK = 8;

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
        List<Parameter> trained = parameters.all().stream().filter(parameter -> parameter.spec().trainable()).sorted(Comparator.comparingLong(Parameter::offset)).toList();
        if (!types.roundsByChance() || trained.isEmpty()) {
            return null;
        }
        Tensor numbers = run.tensor("element numbers", DType.I64, trained.size(), 2);
        ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(numbers.sizeBytes())).order(ByteOrder.nativeOrder());
        for (Parameter parameter : trained) {
            bytes.putLong(parameter.offset()).putLong(Initialiser.fingerprint(parameter.spec().name()) + firstPlace(parameter) & -BLOCK);
        }
        engine.write(numbers, bytes.flip());
        return new StochasticRounding(seed, numbers, 0);
    }

    /** Where in the parameter the first element held here lies. */
    private static long firstPlace(Parameter parameter) {
        TensorSlice first = parameter.slices().get(0);
        long place = first.firstRow() * first.tensor().columns() + first.firstColumn();
        if (!first.tensor().ofExpert()) {
            return place;
        }
        int expert = first.tensor().expert().index();
        int held = parameter.slices().get(parameter.slices().size() - 1).tensor().expert().index() - expert + 1;
        return place + expert * (parameter.value().elements() / held);
    }
}
