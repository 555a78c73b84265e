package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.model.Adapters;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.LowRank;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * A low-rank addition to the embedding: scale * (A's row of the token) B^T. Nothing is left out of it, as in PEFT.
 *
 * @param a     [V', r]
 * @param b     [D, r]
 * @param scale of the product
 */
record EmbeddingAddition(Parameter a, Parameter b, float scale) {

    /** That of a model; null when it has none. */
    static EmbeddingAddition of(Parameters parameters, Adapters adapters) {
        ParameterSpec table = parameters.get(DecoderSpecs.EMBEDDING).spec();
        LowRank addition = adapters.of(table.parts().get(0));
        return addition == null ? null : new EmbeddingAddition(parameters.get(Adapters.aName(table)), parameters.get(Adapters.bName(table, table.parts().get(0))),
                (float) addition.scale());
    }

    /** Adds to out [T, D]. @param firstRow vocabulary entry of A's first row */
    void forward(long firstRow, Tensor out, Pass pass) {
        try (Arena.Frame scratch = pass.scratch().open("lora")) {
            pass.kernels().matmul(low(firstRow, out, scratch, pass), Transpose.NO, b.value(), Transpose.YES, out, Write.ACCUMULATE);
        }
    }

    void backward(long firstRow, Tensor dOut, Pass pass) {
        Kernels kernels = pass.kernels();
        try (Arena.Frame scratch = pass.scratch().open("lora")) {
            Tensor low = low(firstRow, dOut, scratch, pass);
            if (b.isTrained()) {
                kernels.matmul(dOut, Transpose.YES, low, Transpose.NO, b.gradient(), Write.ACCUMULATE);
            }
            if (a.isTrained()) {
                kernels.matmul(dOut, Transpose.NO, b.value(), Transpose.NO, low, Write.OVERWRITE);
                kernels.scale(low, scale);
                kernels.embeddingGrad(pass.batch().ids(), low, firstRow, a.gradient());
            }
        }
    }

    private Tensor low(long firstRow, Tensor like, Arena.Frame scratch, Pass pass) {
        Tensor low = scratch.tensor("low", like.dtype(), like.rows(), b.value().columns());
        pass.kernels().embedding(pass.batch().ids(), a.value(), firstRow, low);
        pass.kernels().scale(low, scale);
        return low;
    }
}
