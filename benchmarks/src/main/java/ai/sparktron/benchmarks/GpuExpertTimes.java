package ai.sparktron.benchmarks;

import ai.sparktron.trainer.kernels.ExpertKernels;
import ai.sparktron.trainer.kernels.RouterPenalty;
import ai.sparktron.trainer.kernels.RoutingRule;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Kernels of a mixture of experts, in the shapes of Qwen1.5-MoE and Qwen3-30B-A3B: {@code GpuExpertTimes [NAME ...]} prints one line for each whose name begins so,
 * as {@link KernelTable} times them; products beside one dense product of as many rows, which has the same work and far fewer weights to read.
 *
 * <p>Letters: T tokens, E experts, k experts of a token, N = k T rows, D embedding, F width of an expert.
 */
public final class GpuExpertTimes {

    private static final int T = 8192;
    private static final int D = 2048;

    private final KernelTable table;
    private final ExpertKernels experts;
    private final int count;
    private final int chosen;
    private final int width;
    private final int rows;
    private final String shape;

    private GpuExpertTimes(KernelTable table, String model, int count, int chosen, int width) {
        this.table = table;
        this.experts = table.kernels().experts();
        this.count = count;
        this.chosen = chosen;
        this.width = width;
        this.rows = chosen * T;
        this.shape = model + ", E " + count + ", k " + chosen + ", F " + width;
    }

    public static void main(String[] names) {
        try (KernelTable table = new KernelTable(names)) {
            for (GpuExpertTimes times : new GpuExpertTimes[] {new GpuExpertTimes(table, "Qwen1.5-MoE", 60, 4, 1408), new GpuExpertTimes(table, "Qwen3-A3B", 128, 8, 768)}) {
                times.routing();
                times.scores("router", times.count);
                times.scores("gate", 1);
                times.dispatch();
                times.activation();
                times.products("gate and up", D, 2 * times.width);
                times.products("down", times.width, D);
            }
        }
    }

    /** Experts of random tokens, uneven as a router's are: the weight of each is drawn once. */
    private int[] ids() {
        SplittableRandom random = new SplittableRandom(3);
        int[] ids = new int[rows];
        for (int slot = 0; slot < rows; slot++) {
            ids[slot] = (int) (count * Math.pow(random.nextDouble(), 1.3));
        }
        return ids;
    }

    private int[] offsets() {
        int[] offsets = new int[count + 1];
        Arrays.stream(ids()).forEach(id -> offsets[id + 1]++);
        for (int e = 0; e < count; e++) {
            offsets[e + 1] += offsets[e];
        }
        return offsets;
    }

    private void routing() {
        RoutingRule rule = RoutingRule.plain(count, chosen, RoutingRule.Score.SOFTMAX, true, 1);
        double bytes = 4.0 * T * (count + 2 * chosen);
        table.kernel("route", shape, bytes, sets -> {
            Tensor[] logits = table.tensors(sets, DType.F32, T, count);
            Tensor[] weights = table.tensors(sets, DType.F32, T, chosen);
            Tensor ids = table.frame().tensor("ids", DType.I32, T, chosen);
            return i -> experts.route(logits[i], null, null, rule, ids, weights[i]);
        });
        table.kernel("routeGrad", shape, bytes + 4.0 * T * count, sets -> {
            Tensor[] logits = table.tensors(sets, DType.F32, T, count);
            Tensor[] weights = table.tensors(sets, DType.F32, T, chosen);
            Tensor ids = table.ints(ids()).reshape(Shape.of(T, chosen));
            return i -> experts.routeGrad(weights[i], logits[i], ids, rule, RouterPenalty.none(), logits[i]);
        });
        table.kernel("routerStatistics", shape, bytes - 4.0 * T * chosen, sets -> {
            Tensor[] logits = table.tensors(sets, DType.F32, T, count);
            Tensor ids = table.ints(ids()).reshape(Shape.of(T, chosen));
            Tensor[] sums = table.tensors(2, DType.F32, 1, count);
            Tensor z = table.tensors(1, DType.F32, 1)[0];
            return i -> experts.routerStatistics(logits[i], ids, rule, null, sums[0], sums[1], z);
        });
    }

    /** Products of a matrix that gives float32 scores: logits, its gradient, and the input's. */
    private void scores(String name, int outputs) {
        double x = 2.0 * T * D;
        double scores = 4.0 * T * outputs;
        double weight = 2.0 * outputs * D;
        double flops = 2.0 * T * D * outputs;
        table.line(name + ": logits", shape, x + scores + weight, flops, sets -> {
            Tensor[] rows = table.tensors(sets, DType.BF16, T, D);
            Tensor[] logits = table.tensors(sets, DType.F32, T, outputs);
            Tensor w = table.tensors(1, DType.BF16, outputs, D)[0];
            return i -> table.kernels().matmul(rows[i], Transpose.NO, w, Transpose.YES, logits[i], Write.OVERWRITE);
        });
        table.line(name + ": weight, += bf16", shape, x + scores + 2 * weight, flops, sets -> {
            Tensor[] rows = table.tensors(sets, DType.BF16, T, D);
            Tensor[] dLogits = table.tensors(sets, DType.F32, T, outputs);
            Tensor dW = table.tensors(1, DType.BF16, outputs, D)[0];
            return i -> table.kernels().matmul(dLogits[i], Transpose.YES, rows[i], Transpose.NO, dW, Write.ACCUMULATE);
        });
        table.line(name + ": input, += bf16", shape, 2 * x + scores + weight, flops, sets -> {
            Tensor[] dx = table.tensors(sets, DType.BF16, T, D);
            Tensor[] dLogits = table.tensors(sets, DType.F32, T, outputs);
            Tensor w = table.tensors(1, DType.BF16, outputs, D)[0];
            return i -> table.kernels().matmul(dLogits[i], Transpose.NO, w, Transpose.NO, dx[i], Write.ACCUMULATE);
        });
    }

    private void dispatch() {
        table.kernel("sortByExpert", shape, 5.0 * 4 * rows, sets -> {
            Tensor ids = table.ints(ids()).reshape(Shape.of(T, chosen));
            Tensor offsets = table.frame().tensor("offsets", DType.I32, count + 1L);
            Tensor slots = table.frame().tensor("slots", DType.I32, rows);
            Tensor tokens = table.frame().tensor("tokens", DType.I32, rows);
            Tensor places = table.frame().tensor("places", DType.I32, T, chosen);
            return i -> experts.sortByExpert(ids, 0, offsets, slots, tokens, places);
        });
        double row = 2.0 * D;
        table.kernel("embedding of tokens", shape, row * (T + rows), sets -> {
            int[] order = new SplittableRandom(4).ints(rows, 0, T).toArray();
            Tensor tokens = table.ints(order);
            Tensor[] x = table.tensors(sets, DType.BF16, T, D);
            Tensor[] out = table.tensors(sets, DType.BF16, rows, D);
            return i -> table.kernels().embedding(tokens, x[i], 0, out[i]);
        });
        table.kernel("sumRows", shape, row * (T + rows), sets -> {
            int[] places = new int[rows];
            Arrays.setAll(places, slot -> (int) ((slot * 2654435761L & 0x7fffffff) % rows));
            Tensor of = table.ints(places).reshape(Shape.of(T, chosen));
            Tensor[] x = table.tensors(sets, DType.BF16, rows, D);
            Tensor[] out = table.tensors(sets, DType.BF16, T, D);
            return i -> experts.sumRows(x[i], of, out[i], Write.OVERWRITE);
        });
    }

    private void activation() {
        double row = 2.0 * rows * width;
        table.kernel("swiGluScaled", shape, 3 * row, sets -> {
            Tensor[] gateUp = table.tensors(sets, DType.BF16, rows, 2 * width);
            Tensor[] out = table.tensors(sets, DType.BF16, rows, width);
            Tensor factors = table.tensors(1, DType.F32, rows)[0];
            return i -> experts.swiGluScaled(gateUp[i], factors, out[i]);
        });
        table.kernel("swiGluScaledBackward", shape, 6 * row, sets -> {
            Tensor[] gateUp = table.tensors(sets, DType.BF16, rows, 2 * width);
            Tensor[] dOut = table.tensors(sets, DType.BF16, rows, width);
            Tensor[] factors = table.tensors(2, DType.F32, rows);
            return i -> experts.swiGluScaledBackward(dOut[i], gateUp[i], factors[0], factors[1]);
        });
    }

    private void products(String name, int inner, int outer) {
        double flops = 2.0 * rows * inner * outer;
        double weights = (double) count * inner * outer;
        double moved = 2.0 * rows * (inner + outer);
        table.line(name, shape, moved + 2 * weights, flops, sets -> {
            Tensor offsets = table.ints(offsets());
            Tensor[] x = table.tensors(sets, DType.BF16, rows, inner);
            Tensor[] out = table.tensors(sets, DType.BF16, rows, outer);
            Tensor w = table.tensors(1, DType.BF16, (long) count * outer, inner)[0];
            return i -> experts.groupedMatmul(x[i], offsets, w, Transpose.YES, out[i], Write.OVERWRITE);
        });
        table.line(name + ": input", shape, moved + 2 * weights, flops, sets -> {
            Tensor offsets = table.ints(offsets());
            Tensor[] dy = table.tensors(sets, DType.BF16, rows, outer);
            Tensor[] dx = table.tensors(sets, DType.BF16, rows, inner);
            Tensor w = table.tensors(1, DType.BF16, (long) count * outer, inner)[0];
            return i -> experts.groupedMatmul(dy[i], offsets, w, Transpose.NO, dx[i], Write.OVERWRITE);
        });
        weights(name + ": weight, += f32", DType.F32, Write.ACCUMULATE, inner, outer);
        weights(name + ": weight, = f32", DType.F32, Write.OVERWRITE, inner, outer);
        weights(name + ": weight, += bf16", DType.BF16, Write.ACCUMULATE, inner, outer);
        weights(name + ": weight, = bf16", DType.BF16, Write.OVERWRITE, inner, outer);
        table.line(name + ": dense", shape, moved + 2.0 * inner * outer, flops, sets -> {
            Tensor[] x = table.tensors(sets, DType.BF16, rows, inner);
            Tensor[] out = table.tensors(sets, DType.BF16, rows, outer);
            Tensor w = table.tensors(1, DType.BF16, outer, inner)[0];
            return i -> table.kernels().matmul(x[i], Transpose.NO, w, Transpose.YES, out[i], Write.OVERWRITE);
        });
    }

    private void weights(String name, DType type, Write write, int inner, int outer) {
        double touched = (double) type.sizeBytes() * count * inner * outer * (write == Write.ACCUMULATE ? 2 : 1);
        table.line(name, shape, 2.0 * rows * (inner + outer) + touched, 2.0 * rows * inner * outer, sets -> {
            Tensor offsets = table.ints(offsets());
            Tensor[] dy = table.tensors(sets, DType.BF16, rows, outer);
            Tensor[] x = table.tensors(sets, DType.BF16, rows, inner);
            Tensor dW = table.tensors(1, type, (long) count * outer, inner)[0];
            return i -> experts.groupedMatmulGrad(dy[i], x[i], offsets, dW, write);
        });
    }
}
