package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.ExpertKernels;
import ai.sparktron.trainer.kernels.RouterPenalty;
import ai.sparktron.trainer.kernels.RoutingRule;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import org.bytedeco.cuda.global.cudart;

/**
 * Choosing experts: {@code router.cu}, compiled for the number of experts, {@code gate.cu} and {@code balance.cu}. A warp has a token; arithmetic is
 * in float32, but for logits that are asked for in float64. Methods are
 * those of {@link ExpertKernels}.
 */
final class RouterKernels {

    private static final int WARPS = 8;
    private static final int THREADS = 32 * WARPS;
    private static final int ONE_BLOCK = 1024;
    /** Neighbouring tokens whose statistics a warp adds up, one after the other. */
    private static final int TOKENS_OF_A_WARP = 2;
    /** Tokens, and experts, of a block of {@code gate.cu}. */
    private static final int WIDE_TILE = 32;
    private static final int ITERATIONS = 100;
    /** Blocks of an iteration for a multiprocessor: each leaves a row of partial sums. */
    private static final int BALANCING_BLOCKS = 2;

    private final CudaDevice device;
    private final Workspace workspace;
    private final Variants wideLogits;
    private final Variants route;
    private final Variants routeGrad;
    private final Variants addStatistics;
    private final Variants storeStatistics;
    private final Variants startSinkhorn;
    private final Variants balanceTokens;
    private final Variants balanceExperts;
    private final Variants balanced;
    private final Variants balanceLoss;

    RouterKernels(CudaDevice device, Modules modules, Workspace workspace) {
        this.device = device;
        this.workspace = workspace;
        this.wideLogits = modules.variants("gate.cu", "wideLogits");
        this.route = modules.variants("router.cu", "route");
        this.routeGrad = modules.variants("router.cu", "routeGrad");
        this.addStatistics = modules.variants("router.cu", "addStatistics");
        this.storeStatistics = modules.variants("router.cu", "storeStatistics");
        this.startSinkhorn = modules.variants("router.cu", "startSinkhorn");
        this.balanceTokens = modules.variants("router.cu", "balanceTokens");
        this.balanceExperts = modules.variants("router.cu", "balanceExperts");
        this.balanced = modules.variants("router.cu", "balanced");
        this.balanceLoss = modules.variants("balance.cu", "balanceLoss");
    }

    private static Kernel of(Variants variants, long experts) {
        return variants.of(DType.F32, DType.F32, 1, Math.toIntExact(experts));
    }

    private static int blocks(long tokens) {
        return Math.toIntExact((tokens + WARPS - 1) / WARPS);
    }

    private static int sigmoid(RoutingRule rule) {
        return rule.score() == RoutingRule.Score.SIGMOID ? 1 : 0;
    }

    /** Float64 arithmetic is a sixty-fourth of float32's on some GPUs: for a router it is still little beside its layer. */
    void wideLogits(Tensor x, Tensor w, Tensor out) {
        wideLogits.of(x.dtype(), 1).matrix(x).matrix(w).matrix(out).longInteger(x.rows()).integer(Math.toIntExact(w.rows())).longInteger(x.columns())
                .launch(Math.toIntExact((x.rows() + WIDE_TILE - 1) / WIDE_TILE), Math.toIntExact((w.rows() + WIDE_TILE - 1) / WIDE_TILE), 1, THREADS, 0);
    }

    void route(Tensor logits, Tensor bias, Tensor ranking, RoutingRule rule, Tensor ids, Tensor weights) {
        int shared = rule.chosenGroups() == rule.groups() ? 0 : WARPS * 2 * rule.groups() * Integer.BYTES;
        of(route, rule.experts()).matrix(logits).pointerOrNone(bias).matrixOrNone(ranking).integer(sigmoid(rule)).integer(rule.chosen()).integer(rule.groups())
                .integer(rule.chosenGroups()).integer(rule.groupBest()).integer(rule.normalise() ? 1 : 0).real(rule.scale()).matrix(ids).matrix(weights)
                .longInteger(logits.rows()).launch(blocks(logits.rows()), 1, 1, THREADS, shared);
    }

    void routeGrad(Tensor dWeights, Tensor logits, Tensor ids, RoutingRule rule, RouterPenalty penalty, Tensor dLogits) {
        of(routeGrad, rule.experts()).matrix(dWeights).matrix(logits).matrix(ids).integer(sigmoid(rule)).integer(rule.chosen())
                .integer(rule.normalise() ? 1 : 0).real(rule.scale()).pointerOrNone(penalty.sequences()).matrixOrNone(penalty.counts())
                .pointerOrNone(penalty.factors()).real(penalty.zFactor()).matrix(dLogits).longInteger(logits.rows())
                .launch(blocks(logits.rows()), 1, 1, THREADS, 0);
    }

    void statistics(Tensor logits, Tensor ids, RoutingRule rule, Tensor sequences, Tensor counts, Tensor probabilities, Tensor zSum) {
        long cells = counts.rows() * rule.experts();
        int blocks = Math.toIntExact((logits.rows() + WARPS * TOKENS_OF_A_WARP - 1) / (WARPS * TOKENS_OF_A_WARP));
        long sumBytes = cells * 2 * Long.BYTES;
        long sums = workspace.address(sumBytes + (long) blocks * Float.BYTES);
        CudaDevice.check(cudart.cuMemsetD8Async(sums, (byte) 0, sumBytes, device.stream()), "cuMemsetD8Async");
        of(addStatistics, rule.experts()).matrix(logits).matrix(ids).integer(sigmoid(rule)).integer(rule.chosen()).pointerOrNone(sequences).pointer(sums)
                .pointer(sums + sumBytes).longInteger(logits.rows()).integer(TOKENS_OF_A_WARP).launch(blocks, 1, 1, THREADS, 0);
        of(storeStatistics, rule.experts()).pointer(sums).pointer(sums + sumBytes).integer(blocks).integer(Math.toIntExact(counts.rows())).matrix(counts)
                .matrix(probabilities).pointer(zSum).launch(1 + Math.toIntExact((cells + THREADS - 1) / THREADS), 1, 1, THREADS, 0);
    }

    void balanceLoss(Tensor counts, Tensor probabilities, Tensor factors, Tensor loss) {
        balanceLoss.of(DType.F32, 1).matrix(counts).matrix(probabilities).pointer(factors).pointer(loss).integer(Math.toIntExact(counts.rows()))
                .integer(Math.toIntExact(counts.columns())).launch(1, 1, 1, ONE_BLOCK, 0);
    }

    /** All iterations are enqueued; the device leaves out those behind the last one that is needed. */
    void sinkhorn(Tensor logits, Tensor out) {
        long experts = logits.columns();
        int blocks = Math.min(blocks(logits.rows()), device.multiprocessors() * BALANCING_BLOCKS);
        long ofExpert = workspace.address((experts + logits.rows() + 1 + blocks * experts) * Float.BYTES);
        long ofToken = ofExpert + experts * Float.BYTES;
        long done = ofToken + logits.rows() * Float.BYTES;
        long partial = done + Integer.BYTES;
        of(startSinkhorn, experts).pointer(ofExpert).pointer(done).launch(1, 1, 1, ONE_BLOCK, 0);
        for (int i = 0; i < ITERATIONS; i++) {
            of(balanceTokens, experts).matrix(logits).pointer(ofExpert).pointer(ofToken).pointer(partial).pointer(done).longInteger(logits.rows())
                    .launch(blocks, 1, 1, THREADS, 0);
            of(balanceExperts, experts).pointer(partial).integer(blocks).pointer(ofExpert).pointer(done).launch(1, 1, 1, ONE_BLOCK, 0);
        }
        of(balanced, experts).matrix(logits).pointer(ofExpert).pointer(ofToken).matrix(out).longInteger(logits.rows())
                .launch(blocks(logits.rows()), 1, 1, THREADS, 0);
    }
}
