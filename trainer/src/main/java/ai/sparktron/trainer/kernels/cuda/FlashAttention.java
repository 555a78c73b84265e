package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.kernels.cuda.FlashConfiguration.Kind;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Attention in half precision on the tensor cores by kernels of our own (arXiv 2307.08691): any layouts, head sizes up to 256 in steps of 8, the same bits at every
 * call. Few queries against many keys, as in generation, share the keys out over the device. The gradient makes scores twice, once for queries and once for keys,
 * so that no sum needs another block.
 */
final class FlashAttention implements AutoCloseable {

    private static final int HEAD_STEP = 8;
    private static final int ALIGNMENT_BYTES = 16;
    private static final int WARP = 32;
    private static final int LANES_OF_A_DELTA = 8;
    /** Tiles of keys that are worth a block of their own where keys are shared out. */
    private static final int LEAST_TILES_OF_A_PART = 4;
    private static final int MOST_PARTS = 64;
    private static final int WAVES = 2;

    private final CudaDevice device;
    private final Modules modules;
    private final Workspace workspace;
    private final TileWork forwardWork;
    private final TileWork queryWork;
    private final TileWork keyWork;
    /** By the operands' type and that of results. */
    private final Map<DType, Map<DType, Map<FlashConfiguration, KernelModule>>> compiled = new EnumMap<>(DType.class);

    FlashAttention(CudaDevice device, DeviceMemory memory, Staging staging, Modules modules, Workspace workspace) {
        this.device = device;
        this.modules = modules;
        this.workspace = workspace;
        this.forwardWork = new TileWork(memory, staging, TileWork.Side.QUERIES);
        this.queryWork = new TileWork(memory, staging, TileWork.Side.QUERIES);
        this.keyWork = new TileWork(memory, staging, TileWork.Side.KEYS);
    }

    /** Whether this takes calls of such operands; nulls are passed over. */
    boolean takes(AttentionShape shape, Tensor... operands) {
        DType dtype = operands[0].dtype();
        if (dtype != DType.BF16 && dtype != DType.F16 || !(shape.scale() > 0) || shape.keySize() % HEAD_STEP != 0 || shape.valueSize() % HEAD_STEP != 0) {
            return false;
        }
        for (Tensor operand : operands) {
            if (operand != null && (operand.address() % ALIGNMENT_BYTES != 0 || operand.rows() > 1
                    && operand.rowStride() * operand.dtype().sizeBytes() % ALIGNMENT_BYTES != 0)) {
                return false;
            }
        }
        return configuration(Kind.FORWARD, shape) != null && configuration(Kind.QUERIES, shape) != null && configuration(Kind.KEYS, shape) != null;
    }

    private FlashConfiguration configuration(Kind kind, AttentionShape shape) {
        return FlashConfiguration.of(kind, shape.keySize(), shape.valueSize(), device.sharedMemoryBytes());
    }

    private Kernel kernel(FlashConfiguration configuration, DType dtype, DType result, String function) {
        Map<FlashConfiguration, KernelModule> ofTypes = compiled.computeIfAbsent(dtype, type -> new EnumMap<>(DType.class)).computeIfAbsent(result,
                type -> new HashMap<>());
        KernelModule module = ofTypes.get(configuration);
        if (module == null) {
            module = modules.of(List.of("mma.cuh", "tensorcore.cuh", configuration.source().resource), configuration.defines(dtype, result));
            ofTypes.put(configuration, module);
        }
        return module.kernel(function);
    }

    private static Kernel layouts(Kernel kernel, TokenLayout queries, TokenLayout keys, AttentionShape shape) {
        return kernel.pointer(queries.positions()).pointer(queries.documents()).integer(queries.tokens()).pointer(keys.positions()).pointer(keys.documents())
                .integer(keys.tokens()).integer(shape.heads()).integer(shape.kvHeads()).integer(shape.keySize()).integer(shape.valueSize()).real(shape.scale());
    }

    /** As {@link DeviceAttention#attention}, of operands that this {@link #takes}. */
    void attention(Tensor q, Tensor k, Tensor v, AttentionShape shape, TokenLayout queries, TokenLayout keys, Tensor out, Tensor logSumExp) {
        FlashConfiguration configuration = configuration(Kind.FORWARD, shape);
        TileWork work = forwardWork.of(queries, keys, configuration.rows());
        int parts = parts(work, configuration, shape);
        long pairs = (long) queries.tokens() * shape.heads();
        long partBytes = parts * pairs * shape.valueSize() * Float.BYTES;
        long address = parts == 1 ? 0 : workspace.address(partBytes + parts * pairs * Float.BYTES);
        layouts(kernel(configuration, q.dtype(), out.dtype(), "forward").matrix(q).matrix(k).matrix(v).matrix(out).matrixOrNone(logSumExp), queries, keys, shape)
                .pointer(work.address()).pointer(address).pointer(parts == 1 ? 0 : address + partBytes)
                .launch(shape.heads(), work.blocks(), parts, configuration.threads(), configuration.sharedBytes());
        if (parts > 1) {
            kernel(configuration, q.dtype(), out.dtype(), "joinParts").pointer(address).pointer(address + partBytes).integer(parts).matrix(out).matrixOrNone(logSumExp)
                    .integer(queries.tokens()).integer(shape.heads()).integer(shape.valueSize())
                    .launch(blocks(pairs * WARP, configuration), 1, 1, configuration.threads(), 0);
        }
    }

    private static int blocks(long lanes, FlashConfiguration configuration) {
        return (int) ((lanes + configuration.threads() - 1) / configuration.threads());
    }

    /** Into how many parts the keys are cut, so that all of the device has something to do. */
    private int parts(TileWork work, FlashConfiguration configuration, AttentionShape shape) {
        long blocks = Math.max(1, (long) work.blocks() * shape.heads());
        long idle = (long) device.multiprocessors() * WAVES / blocks;
        long worth = work.longest() / ((long) configuration.tile() * LEAST_TILES_OF_A_PART);
        return (int) Math.max(1, Math.min(Math.min(idle, worth), MOST_PARTS));
    }

    /** As {@link DeviceAttention#attentionGrad}, of operands that this {@link #takes}. */
    void attentionGrad(Tensor dOut, Tensor q, Tensor k, Tensor v, Tensor out, Tensor logSumExp, AttentionShape shape, TokenLayout queries, TokenLayout keys,
                       Tensor dq, Tensor dk, Tensor dv, Write write) {
        int accumulate = write == Write.ACCUMULATE ? 1 : 0;
        long pairs = (long) queries.tokens() * shape.heads();
        long deltas = workspace.address(pairs * Float.BYTES);
        FlashConfiguration atQueries = configuration(Kind.QUERIES, shape);
        kernel(atQueries, q.dtype(), dq.dtype(), "deltas").matrix(dOut).matrix(out).pointer(deltas).integer(queries.tokens()).integer(shape.heads())
                .integer(shape.valueSize()).launch(blocks(pairs * LANES_OF_A_DELTA, atQueries), 1, 1, atQueries.threads(), 0);
        TileWork work = queryWork.of(queries, keys, atQueries.rows());
        layouts(kernel(atQueries, q.dtype(), dq.dtype(), "queries").matrix(dOut).matrix(q).matrix(k).matrix(v).matrix(logSumExp).pointer(deltas).matrix(dq)
                .integer(accumulate), queries, keys, shape).pointer(work.address())
                .launch(shape.heads(), work.blocks(), 1, atQueries.threads(), atQueries.sharedBytes());
        FlashConfiguration atKeys = configuration(Kind.KEYS, shape);
        work = keyWork.of(queries, keys, atKeys.rows());
        layouts(kernel(atKeys, q.dtype(), dk.dtype(), "keys").matrix(dOut).matrix(q).matrix(k).matrix(v).matrix(logSumExp).pointer(deltas).matrix(dk).matrix(dv)
                .integer(accumulate), queries, keys, shape).pointer(work.address())
                .launch(shape.kvHeads(), work.blocks(), atKeys.parts(), atKeys.threads(), atKeys.sharedBytes());
    }

    /** Gives back its memory; kernels belong to the modules, the workspace to the engine. */
    @Override
    public void close() {
        forwardWork.close();
        queryWork.close();
        keyWork.close();
    }
}
