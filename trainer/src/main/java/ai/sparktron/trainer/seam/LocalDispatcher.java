package ai.sparktron.trainer.seam;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;

/** All experts are on this rank: a sort of slots by expert, and rows picked by it. Nothing is read back from the device; dropped slots leave places empty. */
enum LocalDispatcher implements TokenDispatcher {
    INSTANCE;

    @Override
    public Dispatch dispatch(Tensor ids, int experts, Engine engine, Arena scratch, Arena.Frame keep) {
        long slots = ids.elements();
        Local dispatch = new Local(engine.kernels(), keep.tensor("expert.offsets", DType.I32, experts + 1L), keep.tensor("expert.slots", DType.I32, slots),
                keep.tensor("expert.tokens", DType.I32, slots), keep.tensor("expert.places", DType.I32, ids.rows(), ids.columns()));
        engine.kernels().experts().sortByExpert(ids, 0, dispatch.offsets, dispatch.slots, dispatch.tokens, dispatch.placeOf);
        return dispatch;
    }

    private record Local(Kernels kernels, Tensor offsets, Tensor slots, Tensor tokens, Tensor placeOf) implements Dispatch {

        @Override
        public long places() {
            return slots.elements();
        }

        @Override
        public boolean travels() {
            return false;
        }

        @Override
        public void rows(Tensor all, Tensor rows) {
            kernels.embedding(tokens, all, 0, rows);
        }

        @Override
        public void factors(Tensor weights, Tensor factors) {
            kernels.embedding(slots, weights.reshape(Shape.of(weights.elements(), 1)), 0, factors.reshape(Shape.of(factors.elements(), 1)));
        }

        @Override
        public void sums(Tensor rows, Tensor all, Write write) {
            kernels.experts().sumRows(rows, placeOf, all, write);
        }

        @Override
        public void factorsGrad(Tensor dFactors, Tensor dWeights) {
            kernels.embedding(placeOf.reshape(Shape.of(placeOf.elements())), dFactors.reshape(Shape.of(dFactors.elements(), 1)), 0,
                    dWeights.reshape(Shape.of(dWeights.elements(), 1)));
        }
    }
}
