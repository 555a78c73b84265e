package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a step of continuation has of its own: {@code decode.cu}, {@code likeliest.cu}. Attention reads each cached key and value once for all query heads that share it, and shares
 * a sequence's cache out over the device; launches depend on the longest sequence that is planned for, not on how long sequences are.
 */
final class ContinuationKernels {

    private static final int THREADS = 256;
    private static final int SEARCHERS = 1024;
    /** Places of a cache that a block has. */
    private static final int SHARE = 64;
    /** Shares' weights that the compiled loop reads together, though it uses those of shares alone. */
    private static final int READ_TOGETHER = 8;
    /** Query heads whose results a thread has registers for. */
    private static final int MOST_HEADS = 8;
    private static final int LARGEST_HEAD = 256;

    private final Modules modules;
    private final Workspace workspace;
    private final Grid grid;
    private final Variants likeliest;
    private final Map<Form, KernelModule> compiled = new HashMap<>();

    /** What the source is compiled for. */
    private record Form(DType dtype, int heads, int lanes) {
    }

    ContinuationKernels(CudaDevice device, Modules modules, Workspace workspace) {
        this.modules = modules;
        this.workspace = workspace;
        this.grid = new Grid(device.multiprocessors());
        this.likeliest = modules.variants("likeliest.cu", "likeliest");
    }

    private Kernel kernel(Form form, String function) {
        KernelModule module = compiled.get(form);
        if (module == null) {
            module = modules.of("decode.cu", List.of("TYPE=" + Variants.spelled(form.dtype()), "LANES=" + form.lanes(), "HEADS=" + form.heads()));
            compiled.put(form, module);
        }
        return module.kernel(function);
    }

    void attention(Tensor q, Tensor k, Tensor v, AttentionShape shape, Tensor positions, int reach, Tensor keys, Tensor values, Tensor out) {
        if (shape.valueSize() > LARGEST_HEAD) {
            throw new CudaException("attention heads of " + shape.valueSize() + " value columns (config key v_head_dim): this GPU's kernels take " + LARGEST_HEAD + " at most");
        }
        int sequences = Math.toIntExact(q.rows());
        int together = heads(shape.heads() / shape.kvHeads());
        int groups = shape.heads() / shape.kvHeads() / together;
        int lanes = grid.overRows(keys.rows(), keys.columns(), Grid.lanes(q)).with(keys).with(values).dividing(shape.keySize()).dividing(shape.valueSize()).lanes();
        Form form = new Form(q.dtype(), together, lanes);
        int shares = (reach + SHARE - 1) / SHARE;
        long results = (long) sequences * shape.heads() * shares;
        long parts = shares == 1 ? 0 : workspace.address(results * (shape.valueSize() + 1) * Float.BYTES);
        long sums = shares == 1 ? 0 : parts + results * shape.valueSize() * Float.BYTES;
        int slices = THREADS / (shape.valueSize() / lanes);
        kernel(form, "attend").matrix(q).matrix(k).matrix(v).pointer(positions).matrix(keys).matrix(values).longInteger(keys.rows() / sequences).integer(groups)
                .integer(shape.keySize()).integer(shape.valueSize()).real(shape.scale()).matrix(out).pointer(parts).pointer(sums)
                .launch(shares, shape.kvHeads() * groups, sequences, THREADS, together * (shape.keySize() + SHARE + slices * shape.valueSize()) * Float.BYTES);
        if (shares > 1) {
            kernel(form, "joinShares").pointer(parts).pointer(sums).pointer(positions).matrix(out).integer(shape.valueSize())
                    .launch(shape.heads(), sequences, 1, THREADS, (shares + READ_TOGETHER - 1) / READ_TOGETHER * READ_TOGETHER * Float.BYTES);
        }
    }

    /** Heads that go together: the largest part of a group that a thread has registers for. */
    private static int heads(int group) {
        int together = Math.min(group, MOST_HEADS);
        while (group % together != 0) {
            together--;
        }
        return together;
    }

    void likeliest(Tensor logits, Tensor ids) {
        int lanes = LossKernels.lanes(logits);
        likeliest.of(logits.dtype(), lanes).matrix(logits).integer(Math.toIntExact(logits.columns())).pointer(ids)
                .launch(Math.toIntExact(logits.rows()), 1, 1, SEARCHERS, 0);
    }
}
