package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.seam.Region;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;

/** Rows of the table by token id: the start of the residual stream. */
final class Embedding {

    private final Parameter table;
    private final Region region;

    Embedding(Parameter table, Region region) {
        this.table = table;
        this.region = region;
    }

    /** out [T, D]. */
    void forward(Tensor out, Pass pass) {
        try (Arena.Frame scratch = pass.scratch().open("embedding")) {
            Tensor partial = region.partial(out, scratch);
            pass.kernels().embedding(pass.batch().ids(), table.value(), firstRow(), partial);
            region.exit(partial, out);
        }
    }

    void backward(Tensor gradient, Pass pass) {
        if (!table.isTrained()) {
            return;
        }
        try (Arena.Frame scratch = pass.scratch().open("embedding")) {
            pass.kernels().embeddingGrad(pass.batch().ids(), region.exitGrad(gradient, scratch), firstRow(), table.gradient());
        }
    }

    private long firstRow() {
        return table.slices().get(0).firstRow();
    }
}
