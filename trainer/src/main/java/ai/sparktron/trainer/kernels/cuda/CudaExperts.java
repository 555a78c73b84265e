package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.DropPolicy;
import ai.sparktron.trainer.kernels.ExpertKernels;
import ai.sparktron.trainer.kernels.RouterPenalty;
import ai.sparktron.trainer.kernels.RoutingRule;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Tensor;

/** Mixture of experts on a GPU, put together from its groups of kernels. Nothing here waits for the device. */
final class CudaExperts implements ExpertKernels, AutoCloseable {

    private final RouterKernels router;
    private final DispatchKernels dispatch;
    private final GroupedProducts products;
    private final FeedForwardKernels feedForward;
    private final RandomKernels random;

    CudaExperts(CudaEngine.Foundation engine, FeedForwardKernels feedForward, RandomKernels random) {
        this.router = new RouterKernels(engine.device(), engine.modules(), engine.workspace());
        this.dispatch = new DispatchKernels(engine.device(), engine.modules(), engine.workspace());
        this.products = new GroupedProducts(engine);
        this.feedForward = feedForward;
        this.random = random;
    }

    @Override
    public void wideLogits(Tensor x, Tensor w, Tensor out) {
        router.wideLogits(x, w, out);
    }

    @Override
    public void route(Tensor logits, Tensor bias, Tensor ranking, RoutingRule rule, Tensor ids, Tensor weights) {
        router.route(logits, bias, ranking, rule, ids, weights);
    }

    @Override
    public void routeGrad(Tensor dWeights, Tensor logits, Tensor ids, RoutingRule rule, RouterPenalty penalty, Tensor dLogits) {
        router.routeGrad(dWeights, logits, ids, rule, penalty, dLogits);
    }

    @Override
    public void routerStatistics(Tensor logits, Tensor ids, RoutingRule rule, Tensor sequences, Tensor counts, Tensor probabilities, Tensor zSum) {
        router.statistics(logits, ids, rule, sequences, counts, probabilities, zSum);
    }

    @Override
    public void balanceLoss(Tensor counts, Tensor probabilities, Tensor factors, Tensor loss) {
        router.balanceLoss(counts, probabilities, factors, loss);
    }

    @Override
    public void sinkhorn(Tensor logits, Tensor out) {
        router.sinkhorn(logits, out);
    }

    @Override
    public void limit(Tensor ids, Tensor weights, int experts, int capacity, DropPolicy policy, Tensor kept) {
        dispatch.limit(ids, weights, experts, capacity, policy, kept);
    }

    @Override
    public void sortByExpert(Tensor ids, int firstExpert, Tensor offsets, Tensor slots, Tensor tokens, Tensor places) {
        dispatch.sortByExpert(ids, firstExpert, offsets, slots, tokens, places);
    }

    @Override
    public void sumRows(Tensor x, Tensor places, Tensor out, Write write) {
        dispatch.sumRows(x, places, out, write);
    }

    @Override
    public void dropout(Tensor x, Tensor keys, long seed, long firstColumn, long globalColumns, float probability, Tensor out) {
        random.dropout(x, keys, seed, firstColumn, globalColumns, probability, out);
    }

    @Override
    public void groupedMatmul(Tensor x, Tensor offsets, Tensor w, Transpose transposeW, Tensor out, Write write) {
        products.multiply(x, offsets, w, transposeW, out, write);
    }

    @Override
    public void groupedMatmulGrad(Tensor dy, Tensor x, Tensor offsets, Tensor dW, Write write) {
        products.gradient(dy, x, offsets, dW, write);
    }

    @Override
    public void swiGluScaled(Tensor gateUp, Tensor factors, Tensor out) {
        feedForward.swiGluScaled(gateUp, factors, out);
    }

    @Override
    public void swiGluScaledBackward(Tensor dOut, Tensor gateUp, Tensor factors, Tensor dFactors) {
        feedForward.swiGluScaledBackward(dOut, gateUp, factors, dFactors);
    }

    @Override
    public void close() {
        products.close();
    }
}
