package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.cuda.global.cudnn;

/**
 * Attention by cuDNN, the fastest there is on Hopper: half precision, head sizes up to 256 in steps of 8; of documents to themselves, or of their later tokens to all
 * earlier ones, as ranks of context parallelism meet them.
 *
 * <p>Documents of one length are a dense batch. Others are packed: a plan takes up to a number of documents, tokens in one and tokens in all, each rounded up, so
 * that few plans serve a run; making one takes a second or so. What cuDNN refuses is remembered, and another attention does it. Results that are wanted in float32 are
 * converted: cuDNN 9.19 and 9.24 make plans with float32 outputs, but on Hopper their numbers are wrong.
 */
final class CudnnAttention implements AutoCloseable {

    /** Before it, parts of attention were switched off or wrong. */
    private static final long OLDEST_VERSION = 91_100;

    /** Before it, gradients of packed documents could be wrong on Hopper (TransformerEngine issue 2186). */
    static final long OLDEST_PACKED_GRADIENT = 91_800;

    private static final int LARGEST_HEAD = 256;
    /** Columns of heads whose gradients are known to be right, and those of latent attention. */
    private static final int WIDEST_GRADIENT = 128;
    private static final int LATENT_KEY = 192;
    private static final int LATENT_VALUE = 128;
    private static final int HEAD_STEP = 8;
    private static final int ALIGNMENT_BYTES = 16;
    /** Queries and keys of two ranks have sizes of all kinds: small ones gain least, and would make most plans. */
    private static final int FEW_OF_OTHERS = 8;
    /** From so many on, each way, only documents to themselves get more: making one takes as long as a thousand calls gain. */
    private static final int MOST_PLANS = 64;
    private static final String ENOUGH_PLANS = "more sizes of queries and keys of two ranks than cuDNN has plans made for (" + MOST_PLANS + ")";
    /** More than this for a gradient in a fixed order, and it is refused: it grows with the square of the length. */
    private static final long MOST_DETERMINISTIC_BYTES = 2L << 30;
    private static final long WORKSPACE_ALIGNMENT_BYTES = 256;
    /** Of which offsets are kept on the device: the ranks of a ring have one or two each. */
    private static final int LAYOUTS = 16;

    private final long version;
    private final cudnnContext library = new cudnnContext();
    private final CudnnPlan.Target target;
    private final Settings settings;
    private final ElementwiseKernels elementwise;
    private final Workspace workspace;
    /** Those used last first. */
    private final List<CudnnOffsets> offsets = new ArrayList<>();
    private final DocumentBatch documents = new DocumentBatch();
    private final CudnnAttentionKey probe = new CudnnAttentionKey();
    private final CudnnGradientOperands gradients = new CudnnGradientOperands();
    private final Map<CudnnAttentionKey, CudnnForward> forwards = new HashMap<>();
    private final Map<CudnnAttentionKey, CudnnBackward> backwards = new HashMap<>();
    private final Map<CudnnAttentionKey, String> refusals = new HashMap<>();

    /**
     * @param deterministic whether gradients are summed up in a fixed order
     * @param leastTokens   calls of fewer tokens are refused: they gain nothing and would make many plans
     */
    record Settings(boolean deterministic, int leastTokens) {
    }

    /** @throws CudaException when cuDNN is not there or too old: why, and what to do */
    CudnnAttention(CudaDevice device, DeviceMemory memory, Staging staging, ElementwiseKernels elementwise, Settings settings) {
        CudaLibrary.CUDNN.load();
        this.version = cudnn.cudnnGetVersion();
        if (version < OLDEST_VERSION) {
            throw new CudaException("cuDNN " + version + " is too old for attention: expected 9.11 or later (" + OLDEST_VERSION
                    + "); put a newer one first on LD_LIBRARY_PATH (pip's nvidia-cudnn-cu13)");
        }
        this.settings = settings;
        this.elementwise = elementwise;
        CudnnDescriptor.check(cudnn.cudnnCreate(library), "cudnnCreate");
        CudnnDescriptor.check(cudnn.cudnnSetStream(library, device.stream()), "cudnnSetStream");
        this.target = new CudnnPlan.Target(library, null);
        this.workspace = new Workspace(memory, "attention's workspace");
        for (int i = 0; i < LAYOUTS; i++) {
            offsets.add(new CudnnOffsets(memory, staging));
        }
    }

    /** Why this does not take a call, or null where it does. */
    private String refusal(AttentionShape shape, Tensor... operands) {
        DType dtype = operands[0].dtype();
        if (dtype != DType.BF16 && dtype != DType.F16) {
            return "type " + dtype;
        }
        if (!documents.sameTokens() && !documents.allSeen()) {
            return "queries and keys that are neither the same tokens nor all keys of the same documents before all queries";
        }
        if (documents.queries().tokens() < settings.leastTokens() || documents.keys().tokens() < settings.leastTokens()) {
            return "few tokens";
        }
        long least = (long) FEW_OF_OTHERS * settings.leastTokens();
        if (documents.allSeen() && !CudnnAttentionKey.isDense(documents) && (long) documents.queries().tokens() * documents.keys().tokens() < least * least) {
            return "few tokens of another rank";
        }
        if (shape.keySize() > LARGEST_HEAD || shape.valueSize() > LARGEST_HEAD || shape.keySize() % HEAD_STEP != 0 || shape.valueSize() % HEAD_STEP != 0) {
            return "head sizes " + shape.keySize() + " and " + shape.valueSize();
        }
        for (Tensor operand : operands) {
            if (operand != null && (operand.address() % ALIGNMENT_BYTES != 0 || operand.rowStride() * operand.dtype().sizeBytes() % ALIGNMENT_BYTES != 0)) {
                return "rows that do not begin at multiples of " + ALIGNMENT_BYTES + " bytes";
            }
        }
        return null;
    }

    /** What forward and backward plans of a call have in common. */
    private void describe(AttentionShape shape, DType dtype) {
        probe.set(dtype, shape);
        probe.fit(documents);
        probe.sumsStride = shape.heads();
    }

    private void describeForward(Tensor q, Tensor k, Tensor v, long outStride) {
        probe.qStride = q.rowStride();
        probe.kStride = k.rowStride();
        probe.vStride = v.rowStride();
        probe.outStride = outStride;
        probe.deterministic = false;
        probe.dOutStride = 0;
        probe.dqStride = 0;
        probe.dkStride = 0;
        probe.dvStride = 0;
    }

    private void describeBackward() {
        probe.qStride = gradients.operandStride(CudnnGradientOperands.Q);
        probe.kStride = gradients.operandStride(CudnnGradientOperands.K);
        probe.vStride = gradients.operandStride(CudnnGradientOperands.V);
        probe.outStride = gradients.operandStride(CudnnGradientOperands.OUT);
        probe.deterministic = settings.deterministic();
        probe.dOutStride = gradients.gradientStride(CudnnGradientOperands.OUT);
        probe.dqStride = gradients.gradientStride(CudnnGradientOperands.Q);
        probe.dkStride = gradients.gradientStride(CudnnGradientOperands.K);
        probe.dvStride = gradients.gradientStride(CudnnGradientOperands.V);
    }

    private <P> P plan(Map<CudnnAttentionKey, P> plans, Function<CudnnAttentionKey, P> make) {
        P known = plans.get(probe);
        if (known != null || refusals.containsKey(probe) || !probe.causal && plans.size() >= MOST_PLANS) {
            return known;
        }
        CudnnAttentionKey key = probe.copy();
        try {
            P made = make.apply(key);
            plans.put(key, made);
            return made;
        } catch (CudaException refused) {
            refusals.put(key, key + ": " + refused.getMessage());
            return null;
        }
    }

    private CudnnBackward backward(CudnnAttentionKey key) {
        CudnnBackward made = new CudnnBackward(key, target);
        if (key.deterministic && made.workspaceBytes() > MOST_DETERMINISTIC_BYTES) {
            long bytes = made.workspaceBytes();
            made.close();
            throw new CudaException("a workspace of " + bytes + " bytes for sums in a fixed order, more than " + MOST_DETERMINISTIC_BYTES);
        }
        return made;
    }

    /** Where the documents of a layout begin, for the plan that is asked for. */
    private CudnnOffsets offsets(TokenLayout layout) {
        int found = 0;
        while (found + 1 < offsets.size() && !offsets.get(found).isOf(layout.starts(), probe.batch)) {
            found++;
        }
        CudnnOffsets of = offsets.remove(found);
        offsets.add(0, of);
        if (!of.isOf(layout.starts(), probe.batch)) {
            of.use(layout.starts(), probe.batch);
        }
        return of;
    }

    /**
     * Does a call of {@code attention}.
     *
     * @return null when it is enqueued; otherwise nothing was done, for this reason
     */
    String attention(Tensor q, Tensor k, Tensor v, AttentionShape shape, TokenLayout queries, TokenLayout keys, Tensor out, Tensor logSumExp) {
        documents.of(queries, keys);
        String refusal = refusal(shape, q, k, v, out);
        if (refusal != null) {
            return refusal;
        }
        describe(shape, q.dtype());
        boolean widened = out.dtype() != q.dtype();
        describeForward(q, k, v, widened ? out.columns() : out.rowStride());
        CudnnForward plan = plan(forwards, key -> new CudnnForward(key, target));
        if (plan == null) {
            return refusals.getOrDefault(probe, ENOUGH_PLANS);
        }
        long scratch = aligned(plan.workspaceBytes());
        long sumsBytes = logSumExp == null ? aligned((long) queries.tokens() * shape.heads() * Float.BYTES) : 0;
        long address = workspace.address(Math.max(1, scratch + sumsBytes + (widened ? out.elements() * q.dtype().sizeBytes() : 0)));
        Tensor made = widened ? Tensor.of(out.name(), q.dtype(), out.shape(), workspace.block(), scratch + sumsBytes) : out;
        if (plan.slots() != null) {
            plan.slots().fill(offsets(documents.queries()), offsets(documents.keys()));
        }
        plan.run(library, q.address(), k.address(), v.address(), made.address(), logSumExp == null ? address + scratch : logSumExp.address(), address);
        if (widened) {
            elementwise.copy(made, out);
        }
        return null;
    }

    /** As {@link #attention}, of {@code attentionGrad}. */
    String attentionGrad(Tensor dOut, Tensor q, Tensor k, Tensor v, Tensor out, Tensor logSumExp, AttentionShape shape, TokenLayout queries, TokenLayout keys,
                         Tensor dq, Tensor dk, Tensor dv, Write write) {
        documents.of(queries, keys);
        String refusal = refusal(shape, q, k, v, out, dOut, dq, dk, dv);
        if (refusal != null) {
            return refusal;
        }
        if (!takesGradient(shape)) {
            return "the gradient of heads of " + shape.keySize() + " and " + shape.valueSize() + " columns";
        }
        describe(shape, q.dtype());
        if (probe.packed() && version < OLDEST_PACKED_GRADIENT) {
            return "gradients of packed documents, which cuDNN " + version + " is not trusted with";
        }
        gradients.begin(probe.packed(), probe.grouped(), write).made(CudnnGradientOperands.Q, q, dq).made(CudnnGradientOperands.K, k, dk)
                .made(CudnnGradientOperands.V, v, dv).read(out, dOut);
        describeBackward();
        CudnnBackward plan = plan(backwards, this::backward);
        if (plan == null) {
            return refusals.getOrDefault(probe, ENOUGH_PLANS);
        }
        long scratch = aligned(plan.workspaceBytes());
        long address = workspace.address(scratch + gradients.bytes());
        gradients.place(workspace.block(), scratch, elementwise);
        if (plan.slots() != null) {
            plan.slots().fill(offsets(documents.queries()), offsets(documents.keys()));
        }
        plan.run(library, gradients, logSumExp.address(), address);
        gradients.deliver(elementwise);
        return null;
    }

    /** Wider heads come out wrong of packed documents with cuDNN 9.19 on Hopper (256 columns), or were reported so by others (two different sizes). */
    private static boolean takesGradient(AttentionShape shape) {
        return shape.keySize() <= WIDEST_GRADIENT && shape.valueSize() <= WIDEST_GRADIENT
                || shape.keySize() == LATENT_KEY && shape.valueSize() == LATENT_VALUE;
    }

    private static long aligned(long bytes) {
        return (bytes + WORKSPACE_ALIGNMENT_BYTES - 1) / WORKSPACE_ALIGNMENT_BYTES * WORKSPACE_ALIGNMENT_BYTES;
    }

    @Override
    public void close() {
        forwards.values().forEach(CudnnForward::close);
        backwards.values().forEach(CudnnBackward::close);
        forwards.clear();
        backwards.clear();
        offsets.forEach(CudnnOffsets::close);
        workspace.close();
        cudnn.cudnnDestroy(library);
    }
}
