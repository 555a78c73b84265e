package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.Philox;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.List;

/** Random numbers by their place, as {@link Philox} gives them: {@code random.cu}. A fill moves the tensor's bytes, dropout those of both tensors. */
final class RandomKernels {

    /** Numbers of one block of {@link Philox}. */
    private static final int WORDS = 4;

    private final Grid grid;
    private final Variants normal;
    private final Variants uniform;
    private final Variants dropout;
    private final Variants sortedDropout;

    RandomKernels(CudaDevice device, Modules modules) {
        this.grid = new Grid(device.multiprocessors());
        List<String> before = List.of("philox.cuh");
        this.normal = modules.variants(before, "random.cu", "fillNormal");
        this.uniform = modules.variants(before, "random.cu", "fillUniform");
        this.dropout = modules.variants(before, "random.cu", "dropout");
        this.sortedDropout = modules.variants(before, "random.cu", "sortedDropout");
    }

    /** A thread has one block of words where packs of the slice are blocks of the global tensor. */
    private Grid over(Tensor x, long firstRow, long firstColumn, long globalColumns) {
        return grid.overRows(x.rows(), x.columns(), WORDS).with(x).dividing(firstRow * globalColumns + firstColumn).dividing(globalColumns);
    }

    void fillNormal(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float mean, float deviation) {
        over(x, firstRow, firstColumn, globalColumns);
        grid.launch(normal.of(x.dtype(), grid.lanes()).matrix(x).longInteger(seed).longInteger(firstRow * globalColumns + firstColumn)
                .longInteger(globalColumns).real(mean).real(deviation));
    }

    void fillUniform(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float low, float high) {
        over(x, firstRow, firstColumn, globalColumns);
        grid.launch(uniform.of(x.dtype(), grid.lanes()).matrix(x).longInteger(seed).longInteger(firstRow * globalColumns + firstColumn)
                .longInteger(globalColumns).real(low).real(high - low).real(high).real(low < high ? Math.nextDown(high) : high));
    }

    void dropout(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float probability, Tensor out) {
        over(x, firstRow, firstColumn, globalColumns).with(out);
        grid.launch(dropout.of(x.dtype(), grid.lanes()).matrix(x).matrix(out).longInteger(seed).longInteger(firstRow * globalColumns + firstColumn)
                .longInteger(globalColumns).real(probability).real(1 / (1 - probability)));
    }

    /** @param keys number of the mask's row that each row has */
    void dropout(Tensor x, Tensor keys, long seed, long firstColumn, long globalColumns, float probability, Tensor out) {
        over(x, 0, firstColumn, globalColumns).with(out);
        grid.launch(sortedDropout.of(x.dtype(), grid.lanes()).matrix(x).matrix(out).pointer(keys).longInteger(seed).longInteger(firstColumn)
                .longInteger(globalColumns).real(probability).real(1 / (1 - probability)));
    }
}
