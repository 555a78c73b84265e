package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Attention by kernels of our own, {@code attention.cu}: any layouts, any type, head sizes up to 256, the same bits at every call. All arithmetic is float32 on
 * the ordinary units, so for half precision it is far slower than what uses the tensor cores.
 */
final class PlainAttention implements DeviceAttention {

    private static final int THREADS = 256;
    private static final int WARP = 32;
    private static final int LARGE_TILE = 32;
    private static final int SMALL_TILE = 16;
    private static final int LARGEST_HEAD_OF_LARGE_TILE = 128;
    private static final int LARGEST_HEAD = 256;

    private final Workspace workspace;
    private final Variants forward;
    private final Variants delta;
    private final Variants queryGradients;
    private final Variants keyGradients;

    PlainAttention(Modules modules, Workspace workspace) {
        this.workspace = workspace;
        this.forward = modules.variants("attention.cu", "forward");
        this.delta = modules.variants("attention.cu", "delta");
        this.queryGradients = modules.variants("attention.cu", "queries");
        this.keyGradients = modules.variants("attention.cu", "keys");
    }

    private static int tile(AttentionShape shape) {
        int largest = Math.max(shape.keySize(), shape.valueSize());
        if (largest > LARGEST_HEAD) {
            throw new CudaException("attention heads of " + shape.keySize() + " and " + shape.valueSize() + " columns (config key head_dim): this GPU's kernels take "
                    + LARGEST_HEAD + " at most");
        }
        return largest <= LARGEST_HEAD_OF_LARGE_TILE ? LARGE_TILE : SMALL_TILE;
    }

    private static int tiles(int tokens, int tile) {
        return (tokens + tile - 1) / tile;
    }

    private static Kernel layouts(Kernel kernel, TokenLayout queries, TokenLayout keys, AttentionShape shape) {
        return kernel.pointer(queries.positions()).pointer(queries.documents()).integer(queries.tokens()).pointer(keys.positions()).pointer(keys.documents())
                .integer(keys.tokens()).integer(shape.heads()).integer(shape.kvHeads()).integer(shape.keySize()).integer(shape.valueSize()).real(shape.scale());
    }

    @Override
    public void attention(Tensor q, Tensor k, Tensor v, AttentionShape shape, TokenLayout queries, TokenLayout keys, Tensor out, Tensor logSumExp) {
        int tile = tile(shape);
        int floats = tile * (2 * (shape.keySize() + 1) + shape.valueSize() + 1 + tile + 1 + 4);
        layouts(forward.of(q.dtype(), out.dtype(), 1, tile).matrix(q).matrix(k).matrix(v).matrix(out).matrixOrNone(logSumExp), queries, keys, shape)
                .launch(tiles(queries.tokens(), tile), shape.heads(), 1, THREADS, floats * Float.BYTES);
    }

    @Override
    public void attentionGrad(Tensor dOut, Tensor q, Tensor k, Tensor v, Tensor out, Tensor logSumExp, AttentionShape shape, TokenLayout queries, TokenLayout keys,
                              Tensor dq, Tensor dk, Tensor dv, Write write) {
        int tile = tile(shape);
        int accumulate = write == Write.ACCUMULATE ? 1 : 0;
        long pairs = (long) queries.tokens() * shape.heads();
        long deltas = workspace.address(pairs * Float.BYTES);
        delta.of(q.dtype(), q.dtype(), 1, tile).matrix(dOut).matrix(out).pointer(deltas).integer(queries.tokens()).integer(shape.heads()).integer(shape.valueSize())
                .launch((int) ((pairs * WARP + THREADS - 1) / THREADS), 1, 1, THREADS, 0);
        int floats = tile * (2 * (shape.keySize() + 1) + 2 * (shape.valueSize() + 1) + tile + 1 + 4);
        layouts(queryGradients.of(q.dtype(), dq.dtype(), 1, tile).matrix(dOut).matrix(q).matrix(k).matrix(v).matrix(logSumExp).pointer(deltas).matrix(dq)
                .integer(accumulate), queries, keys, shape).launch(tiles(queries.tokens(), tile), shape.heads(), 1, THREADS, floats * Float.BYTES);
        layouts(keyGradients.of(q.dtype(), dk.dtype(), 1, tile).matrix(dOut).matrix(q).matrix(k).matrix(v).matrix(logSumExp).pointer(deltas).matrix(dk).matrix(dv)
                .integer(accumulate), queries, keys, shape).launch(tiles(keys.tokens(), tile), shape.kvHeads(), 1, THREADS,
                (floats + tile * (tile + 1 + 2)) * Float.BYTES);
    }

    @Override
    public void close() {
        // Kernels belong to the modules, the workspace to the engine.
    }
}
