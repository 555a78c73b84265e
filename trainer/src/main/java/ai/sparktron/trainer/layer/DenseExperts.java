package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.tensor.Tensor;

/** Experts' matrices one below the other: one grouped product for all of them. */
final class DenseExperts implements ExpertLinear {

    private final Parameter weight;

    /** @param weight [E' outputs, inputs] */
    DenseExperts(Parameter weight) {
        this.weight = weight;
        weight.mark().writtenFirst();
    }

    @Override
    public void forward(Tensor rows, Segments segments, Tensor out, Pass pass) {
        pass.kernels().experts().groupedMatmul(rows, segments.offsets(), weight.value(), Transpose.YES, out, Write.OVERWRITE);
    }

    @Override
    public boolean isTrained() {
        return weight.isTrained();
    }

    @Override
    public boolean leavesOut() {
        return false;
    }

    @Override
    public void parameterGradients(Tensor dy, Tensor rows, Segments segments, Pass pass) {
        if (weight.isTrained()) {
            Write write = weight.mark().takeStale() ? Write.OVERWRITE : Write.ACCUMULATE;
            pass.kernels().experts().groupedMatmulGrad(dy, rows, segments.offsets(), weight.gradient(), write);
        }
    }

    @Override
    public void inputGradient(Tensor dy, Segments segments, Tensor dRows, Pass pass) {
        pass.kernels().experts().groupedMatmul(dy, segments.offsets(), weight.value(), Transpose.NO, dRows, Write.OVERWRITE);
    }

    @Override
    public long inputs() {
        return weight.value().columns();
    }
}
