package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.tensor.Tensor;

/** Cross entropy over logits [T, V]: {@code loss.cu}. The statistics move the logits' bytes once, the gradient twice. */
final class LossKernels {

    private static final int THREADS = 512;
    /** Packs that a thread of the gradient has. */
    private static final int PACKS = 4;
    private static final int MOST_ROWS = 65_535;

    private final Variants softmaxStatistics;
    private final Variants crossEntropyGrad;

    LossKernels(Modules modules) {
        this.softmaxStatistics = modules.variants("loss.cu", "softmaxStatistics");
        this.crossEntropyGrad = modules.variants("loss.cu", "crossEntropyGrad");
    }

    /** Rows must begin alike; their last elements are taken one by one. */
    static int lanes(Tensor logits) {
        int lanes = Grid.lanes(logits);
        return logits.address() % (lanes * logits.dtype().sizeBytes()) == 0 && (logits.rows() <= 1 || logits.rowStride() % lanes == 0) ? lanes : 1;
    }

    void softmaxStatistics(Tensor logits, Tensor labels, long firstColumn, Tensor logSumExp, Tensor picked) {
        softmaxStatistics.of(logits.dtype(), lanes(logits)).matrix(logits).integer(Math.toIntExact(logits.columns())).pointer(labels)
                .longInteger(firstColumn).pointer(logSumExp).pointer(picked).launch(Math.toIntExact(logits.rows()), 1, 1, THREADS, 0);
    }

    void crossEntropyGrad(Tensor logits, Tensor logSumExp, Tensor labels, long firstColumn, Tensor scale) {
        int lanes = lanes(logits);
        int columns = Math.toIntExact(logits.columns());
        int perBlock = THREADS * PACKS * lanes;
        for (long row = 0; row < logits.rows(); row += MOST_ROWS) {
            crossEntropyGrad.of(logits.dtype(), lanes).matrix(logits).integer(columns).pointer(logSumExp).pointer(labels).longInteger(firstColumn)
                    .pointer(scale).longInteger(row).launch((columns + perBlock - 1) / perBlock, (int) Math.min(MOST_ROWS, logits.rows() - row), 1, THREADS, 0);
        }
    }
}
