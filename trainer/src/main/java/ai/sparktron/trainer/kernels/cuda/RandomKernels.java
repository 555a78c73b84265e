package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.Philox;
import ai.sparktron.trainer.tensor.Tensor;

/** Random numbers by their place, as {@link Philox} gives them: {@code random.cu}. */
final class RandomKernels {

    private final Grid grid;
    private final Modules.Versions normal;
    private final Modules.Versions uniform;
    private final Modules.Versions dropout;

    RandomKernels(CudaDevice device, Modules modules) {
        this.grid = new Grid(device.multiprocessors());
        this.normal = modules.versions("random.cu", "fillNormal");
        this.uniform = modules.versions("random.cu", "fillUniform");
        this.dropout = modules.versions("random.cu", "dropout");
    }

    private void launch(Kernel kernel) {
        kernel.longInteger(grid.rows).longInteger(grid.columns).launch(grid.x, grid.y, 1, grid.threads, 0);
    }

    void fillNormal(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float mean, float deviation) {
        grid.over(x.rows(), x.columns()).lay(1);
        launch(normal.plain(x.dtype()).matrix(x).longInteger(seed).longInteger(firstRow).longInteger(firstColumn).longInteger(globalColumns).real(mean)
                .real(deviation));
    }

    void fillUniform(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float low, float high) {
        grid.over(x.rows(), x.columns()).lay(1);
        launch(uniform.plain(x.dtype()).matrix(x).longInteger(seed).longInteger(firstRow).longInteger(firstColumn).longInteger(globalColumns).real(low)
                .real(high).real(Math.nextDown(high)));
    }

    void dropout(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float probability, Tensor out) {
        grid.over(x.rows(), x.columns()).lay(1);
        launch(dropout.plain(x.dtype()).matrix(x).longInteger(seed).longInteger(firstRow).longInteger(firstColumn).longInteger(globalColumns)
                .real(probability).matrix(out));
    }
}
