package ai.sparktron.trainer.train;

import ai.sparktron.trainer.checkpoint.GlobalSlice;
import ai.sparktron.trainer.checkpoint.StatePiece;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.EngineNumbers;
import ai.sparktron.trainer.kernels.StoredNumbers;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.optimizer.FlatRange;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** Ranges of flat numbers as pieces of the model's tensors. */
final class FlatPieces {

    private FlatPieces() {
    }

    /**
     * Adds the pieces of flat numbers that lie in a range of flat elements.
     *
     * @param base flat element that is number 0 of {@code flat}
     */
    static void collect(List<StatePiece> pieces, String state, Parameters parameters, StoredNumbers flat, long base, FlatRange range,
                        Predicate<Parameter> wanted) {
        for (Parameter parameter : parameters.all()) {
            if (!parameter.isTrained() || !wanted.test(parameter)) {
                continue;
            }
            for (int part = 0; part < parameter.slices().size(); part++) {
                TensorSlice slice = parameter.slices().get(part);
                long start = parameter.partOffset(part);
                long low = Math.max(range.from(), start);
                long high = Math.min(range.to(), start + slice.elements());
                if (low < high) {
                    pieces.add(new StatePiece(state, globalSlice(slice).part(low - start, high - low), flat, low - base));
                }
            }
        }
    }

    /** Adds what no gradient changes, whole. */
    static void collectBuffers(List<StatePiece> pieces, Parameters parameters, Engine engine, Predicate<Parameter> wanted) {
        for (Parameter parameter : parameters.all()) {
            if (parameter.spec().buffer() && wanted.test(parameter)) {
                Tensor flat = parameter.value().reshape(Shape.of(parameter.value().elements()));
                pieces.add(new StatePiece("value", globalSlice(parameter.slices().get(0)), EngineNumbers.of(engine, flat), 0));
            }
        }
    }

    private static GlobalSlice globalSlice(TensorSlice slice) {
        List<Long> shape = new ArrayList<>();
        for (long size : slice.tensor().shape().toArray()) {
            shape.add(size);
        }
        return new GlobalSlice(slice.tensor().name(), shape, slice.firstRow(), slice.rows(), slice.firstColumn(), slice.columns(), 0, slice.elements());
    }
}
