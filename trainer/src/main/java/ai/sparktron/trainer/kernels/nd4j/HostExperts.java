package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.kernels.DropPolicy;
import ai.sparktron.trainer.kernels.ExpertKernels;
import ai.sparktron.trainer.kernels.RouterPenalty;
import ai.sparktron.trainer.kernels.RoutingRule;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.IntBuffer;
import java.util.Arrays;

/** Mixture of experts on the CPU: a product an expert through BLAS, the rest in loops over rows. */
final class HostExperts implements ExpertKernels {

    private final Gemm gemm;
    private final RowMath math;
    private final HostWide wide;
    private final HostElementwise elementwise;
    private final HostRouter router = new HostRouter();
    private final float[] a = new float[HostRows.CHUNK];
    private final float[] b = new float[HostRows.CHUNK];
    private final float[] c = new float[HostRows.CHUNK];

    HostExperts(Gemm gemm, RowMath math, HostWide wide, HostElementwise elementwise) {
        this.gemm = gemm;
        this.math = math;
        this.wide = wide;
        this.elementwise = elementwise;
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
        router.limit(ids, weights, experts, capacity, policy, kept);
    }

    @Override
    public void sortByExpert(Tensor ids, int firstExpert, Tensor offsets, Tensor slots, Tensor tokens, Tensor places) {
        int experts = Math.toIntExact(offsets.elements() - 1);
        int chosen = Math.toIntExact(ids.columns());
        IntBuffer id = HostRouter.ints(ids);
        IntBuffer place = HostRouter.ints(places);
        int idStride = Math.toIntExact(ids.rowStride());
        int placeStride = Math.toIntExact(places.rowStride());
        int[] next = new int[experts + 1];
        for (int slot = 0; slot < ids.elements(); slot++) {
            int expert = id.get(slot / chosen * idStride + slot % chosen) - firstExpert;
            if (expert >= 0 && expert < experts) {
                next[expert + 1]++;
            }
        }
        for (int e = 0; e < experts; e++) {
            next[e + 1] += next[e];
        }
        if (next[experts] > slots.elements()) {
            throw new IllegalStateException("sortByExpert: " + next[experts] + " slots go to experts held here, " + slots + " has places for "
                    + slots.elements());
        }
        HostRouter.ints(offsets).put(0, next, 0, experts + 1);
        int[] slotAt = new int[Math.toIntExact(slots.elements())];
        Arrays.fill(slotAt, -1);
        for (int slot = 0; slot < ids.elements(); slot++) {
            int expert = id.get(slot / chosen * idStride + slot % chosen) - firstExpert;
            boolean here = expert >= 0 && expert < experts;
            if (here) {
                slotAt[next[expert]] = slot;
            }
            place.put(slot / chosen * placeStride + slot % chosen, here ? next[expert]++ : -1);
        }
        HostRouter.ints(slots).put(0, slotAt);
        IntBuffer token = HostRouter.ints(tokens);
        for (int i = 0; i < slotAt.length; i++) {
            token.put(i, slotAt[i] < 0 ? -1 : slotAt[i] / chosen);
        }
    }

    @Override
    public void sumRows(Tensor x, Tensor places, Tensor out, Write write) {
        HostRows in = HostRows.of(x);
        HostRows to = HostRows.of(out);
        IntBuffer place = HostRouter.ints(places);
        int stride = Math.toIntExact(places.rowStride());
        int chosen = Math.toIntExact(places.columns());
        to.spans((t, column, count) -> {
            if (write == Write.ACCUMULATE) {
                to.load(t, column, count, a);
            } else {
                Arrays.fill(a, 0, count, 0);
            }
            for (int j = 0; j < chosen; j++) {
                int row = place.get(t * stride + j);
                if (row >= 0) {
                    in.load(row, column, count, b);
                    HostElementwise.addTo(a, b, count);
                }
            }
            to.store(t, column, count, a);
        });
    }

    @Override
    public void dropout(Tensor x, Tensor keys, long seed, long firstColumn, long globalColumns, float probability, Tensor out) {
        elementwise.dropout(x, keys, seed, firstColumn, globalColumns, probability, out);
    }

    private static int[] segments(Tensor offsets) {
        int[] values = new int[Math.toIntExact(offsets.elements())];
        HostRouter.ints(offsets).get(0, values);
        return values;
    }

    private static long at(Tensor tensor, long row) {
        return tensor.address() + row * tensor.rowStride() * Float.BYTES;
    }

    @Override
    public void groupedMatmul(Tensor x, Tensor offsets, Tensor w, Transpose transposeW, Tensor out, Write write) {
        int[] starts = segments(offsets);
        long inner = x.columns();
        long outer = out.columns();
        long height = transposeW == Transpose.YES ? outer : inner;
        wide.begin(x, w, out);
        Tensor left = wide.read(x);
        Tensor weights = wide.read(w);
        Tensor result = wide.write(out, Write.ACCUMULATE); // Rows behind the last segment stay as they are.
        for (int e = 0; e + 1 < starts.length; e++) {
            gemm.multiply(Transpose.NO, transposeW, starts[e + 1] - starts[e], outer, inner, 1, at(left, starts[e]), left.rowStride(), at(weights, e * height),
                    weights.rowStride(), write == Write.ACCUMULATE ? 1 : 0, at(result, starts[e]), result.rowStride());
        }
        wide.finish(result, out);
    }

    @Override
    public void groupedMatmulGrad(Tensor dy, Tensor x, Tensor offsets, Tensor dW, Write write) {
        int[] starts = segments(offsets);
        wide.begin(dy, x, dW);
        Tensor grads = wide.read(dy);
        Tensor inputs = wide.read(x);
        Tensor result = wide.write(dW, write);
        for (int e = 0; e + 1 < starts.length; e++) {
            gemm.multiply(Transpose.YES, Transpose.NO, dy.columns(), x.columns(), starts[e + 1] - starts[e], 1, at(grads, starts[e]), grads.rowStride(),
                    at(inputs, starts[e]), inputs.rowStride(), write == Write.ACCUMULATE ? 1 : 0, at(result, e * dy.columns()), result.rowStride());
        }
        wide.finish(result, dW);
    }

    @Override
    public void swiGluScaled(Tensor gateUp, Tensor factors, Tensor out) {
        HostRows in = HostRows.of(gateUp);
        HostRows factor = HostRows.of(factors);
        HostRows to = HostRows.of(out);
        int width = to.columns();
        to.spans((row, column, count) -> {
            in.load(row, column, count, a);
            in.load(row, width + column, count, b);
            math.swiGlu(a, b, c, count);
            times(c, factor.get(0, row), count);
            to.store(row, column, count, c);
        });
    }

    private static void times(float[] values, float factor, int count) {
        for (int i = 0; i < count; i++) {
            values[i] *= factor;
        }
    }

    @Override
    public void swiGluScaledBackward(Tensor dOut, Tensor gateUp, Tensor factors, Tensor dFactors) {
        HostRows in = HostRows.of(gateUp);
        HostRows grads = HostRows.of(dOut);
        HostRows factor = HostRows.of(factors);
        HostRows toFactors = HostRows.of(dFactors);
        int width = grads.columns();
        float[] activation = new float[HostRows.CHUNK];
        grads.spans((row, column, count) -> {
            in.load(row, column, count, a);
            in.load(row, width + column, count, b);
            grads.load(row, column, count, c);
            math.swiGlu(a, b, activation, count);
            double sum = column == 0 ? 0 : toFactors.get(0, row);
            toFactors.set(0, row, (float) (sum + dot(activation, c, count)));
            times(c, factor.get(0, row), count);
            math.swiGluGrad(c, a, b, count);
            times(activation, factor.get(0, row), count);
            grads.store(row, column, count, activation);
            in.store(row, column, count, a);
            in.store(row, width + column, count, b);
        });
    }

    private static double dot(float[] x, float[] y, int count) {
        double sum = 0;
        for (int i = 0; i < count; i++) {
            sum += (double) x[i] * y[i];
        }
        return sum;
    }
}
