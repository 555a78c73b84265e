package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.seam.Region;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;

/** Rows of the table by token id: the start of the residual stream. */
final class Embedding {

    private final Parameter table;
    private final Region region;
    private final EmbeddingAddition addition;

    /** @param addition null = none */
    Embedding(Parameter table, Region region, EmbeddingAddition addition) {
        this.table = table;
        this.region = region;
        this.addition = addition;
    }

    /** out [T, D]. */
    void forward(Tensor out, Pass pass) {
        try (Arena.Frame scratch = pass.scratch().open("embedding")) {
            Tensor partial = region.partial(out, scratch);
            pass.kernels().embedding(pass.batch().ids(), table.value(), firstRow(), partial);
            if (addition != null) {
                addition.forward(firstRow(), partial, pass);
            }
            region.exit(partial, out);
        }
    }

    void backward(Tensor gradient, Pass pass) {
        if (!table.isTrained() && addition == null) {
            return;
        }
        try (Arena.Frame scratch = pass.scratch().open("embedding")) {
            Tensor dPartial = region.exitGrad(gradient, scratch);
            if (table.isTrained()) {
                if (table.mark().takeStale()) { // The head's product, which writes a tied table first, had nothing to learn from.
                    pass.kernels().fill(table.gradient(), 0);
                }
                pass.kernels().embeddingGrad(pass.batch().ids(), dPartial, firstRow(), table.gradient());
            }
            if (addition != null) {
                addition.backward(firstRow(), dPartial, pass);
            }
        }
    }

    private long firstRow() {
        return table.slices().get(0).firstRow();
    }
}
