package ai.sparktron.benchmarks;

import ai.sparktron.trainer.kernels.AdamWStep;
import ai.sparktron.trainer.kernels.AdamWTensors;
import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.Direction;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.RopeLayout;
import ai.sparktron.trainer.kernels.StateTensor;
import ai.sparktron.trainer.kernels.StochasticRounding;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Every kernel that is bound by memory against the device's copy bandwidth, in the shapes of Qwen2.5-1.5B: {@code GpuKernelTimes [NAME ...]} prints one line for each
 * kernel whose name begins so, as {@link KernelTable} times them.
 *
 * <p>Letters: T tokens, D embedding, F feed-forward, V vocabulary, N parameters.
 */
public final class GpuKernelTimes {

    private static final int T = 8192;
    private static final int D = 1536;
    private static final int F = 8960;
    private static final int V = 151_936;
    private static final int LOSS_ROWS = 2048;
    private static final int HEADS = 14;
    private static final int HEAD_SIZE = 128;
    private static final int N = 1 << 27;

    private final KernelTable report;
    private final Kernels kernels;

    private GpuKernelTimes(KernelTable report) {
        this.report = report;
        this.kernels = report.kernels();
    }

    public static void main(String[] names) {
        try (KernelTable report = new KernelTable(names)) {
            GpuKernelTimes times = new GpuKernelTimes(report);
            times.elements();
            times.tokens();
            times.norms();
            times.feedForward();
            times.loss();
            times.updates();
        }
    }

    private void elements() {
        double row = 2.0 * T * D;
        report.kernel("fill", "[N] f32", 4.0 * N, sets -> {
            Tensor[] x = report.tensors(sets, DType.F32, N);
            return i -> kernels.fill(x[i], 1);
        });
        report.kernel("add", "[T, D] bf16", 3 * row, sets -> {
            Tensor[] a = report.tensors(sets, DType.BF16, T, D);
            Tensor[] b = report.tensors(sets, DType.BF16, T, D);
            Tensor[] out = report.tensors(sets, DType.BF16, T, D);
            return i -> kernels.add(a[i], b[i], out[i]);
        });
        report.kernel("addScaled", "[N/4] bf16 to f32", 10.0 * N / 4, sets -> {
            Tensor[] x = report.tensors(sets, DType.BF16, N / 4);
            Tensor[] y = report.tensors(sets, DType.F32, N / 4);
            return i -> kernels.addScaled(0.5f, x[i], y[i]);
        });
        report.kernel("copy f32 to bf16", "[N/4]", 6.0 * N / 4, sets -> {
            Tensor[] x = report.tensors(sets, DType.F32, N / 4);
            Tensor[] y = report.tensors(sets, DType.BF16, N / 4);
            return i -> kernels.copy(x[i], y[i]);
        });
        report.kernel("scale", "[T, D] bf16", 2 * row, sets -> {
            Tensor[] x = report.tensors(sets, DType.BF16, T, D);
            return i -> kernels.scale(x[i], 1.0001f);
        });
        report.kernel("addBias", "[T, 2048] bf16", 4.0 * T * 2048, sets -> {
            Tensor[] x = report.tensors(sets, DType.BF16, T, 2048);
            Tensor bias = report.tensors(1, DType.BF16, 2048)[0];
            return i -> kernels.addBias(x[i], bias);
        });
        report.kernel("addBiasGrad", "[T, 2048] bf16 to f32", 2.0 * T * 2048, sets -> {
            Tensor[] dy = report.tensors(sets, DType.BF16, T, 2048);
            Tensor bias = report.tensors(1, DType.F32, 2048)[0];
            return i -> kernels.addBiasGrad(dy[i], bias);
        });
        report.kernel("fillNormal", "[N/4] f32", 1.0 * N, sets -> {
            Tensor[] x = report.tensors(sets, DType.F32, N / 4);
            return i -> kernels.fillNormal(x[i], 3, 0, 0, N / 4, 0, 1);
        });
        report.kernel("dropout", "[T, D] bf16", 2 * row, sets -> {
            Tensor[] x = report.tensors(sets, DType.BF16, T, D);
            return i -> kernels.dropout(x[i], 5, 0, 0, D, 0.1f, x[i]);
        });
    }

    /** Ids as in text: the k-th most frequent occurs as often as 1/k says. */
    private static int[] textIds() {
        SplittableRandom random = new SplittableRandom(1);
        int[] ids = new int[T];
        for (int t = 0; t < T; t++) {
            ids[t] = (int) Math.min(V - 1, Math.pow(V, random.nextDouble()) - 1);
        }
        return ids;
    }

    private void tokens() {
        double row = 2.0 * T * D;
        int[] ids = textIds();
        long different = Arrays.stream(ids).distinct().count();
        report.kernel("embedding", "[T, D] bf16", 2 * row, sets -> {
            Tensor table = report.tensors(1, DType.BF16, V, D)[0];
            Tensor id = report.ints(ids);
            Tensor[] out = report.tensors(sets, DType.BF16, T, D);
            return i -> kernels.embedding(id, table, 0, out[i]);
        });
        report.kernel("embeddingGrad", "[T, D] bf16, " + different + " ids", row + 8.0 * different * D, sets -> {
            Tensor table = report.tensors(1, DType.F32, V, D)[0];
            Tensor id = report.ints(ids);
            Tensor[] dy = report.tensors(sets, DType.BF16, T, D);
            return i -> kernels.embeddingGrad(id, dy[i], 0, table);
        });
        for (RopeLayout layout : RopeLayout.values()) {
            report.kernel("rope " + layout, "[T, 14 * 128] bf16", 4.0 * T * HEADS * HEAD_SIZE, sets -> {
                Tensor[] x = report.tensors(sets, DType.BF16, T, HEADS * HEAD_SIZE);
                Tensor table = report.tensors(1, DType.F32, 4096, HEAD_SIZE)[0];
                int[] positions = new int[T];
                Arrays.setAll(positions, t -> t % 4096);
                Tensor position = report.ints(positions);
                return i -> kernels.rope(x[i], HEAD_SIZE, position, table, layout, Direction.FORWARD);
            });
        }
        AttentionShape latent = new AttentionShape(16, 16, 192, 128, 1);
        report.kernel("latentHeads", "[T, 16 * (128 + 64, 128)] bf16", 2.0 * T * (16 * (256 + 192 + 128) + 64), sets -> {
            Tensor[] up = report.tensors(sets, DType.BF16, T, 16 * 256);
            Tensor[] rotary = report.tensors(sets, DType.BF16, T, 64);
            Tensor[] k = report.tensors(sets, DType.BF16, T, 16 * 192);
            Tensor[] v = report.tensors(sets, DType.BF16, T, 16 * 128);
            return i -> kernels.latentHeads(up[i], rotary[i], latent, k[i], v[i]);
        });
        report.kernel("latentHeadsGrad", "[T, 16 * (128 + 64, 128)] bf16", 2.0 * T * (16 * (256 + 192 + 128) + 64), sets -> {
            Tensor[] up = report.tensors(sets, DType.BF16, T, 16 * 256);
            Tensor[] rotary = report.tensors(sets, DType.BF16, T, 64);
            Tensor[] k = report.tensors(sets, DType.BF16, T, 16 * 192);
            Tensor[] v = report.tensors(sets, DType.BF16, T, 16 * 128);
            return i -> kernels.latentHeadsGrad(k[i], v[i], latent, up[i], rotary[i]);
        });
    }

    private void norms() {
        norm("[T, D] bf16", D, 1);
        norm("[T, 14 * 128] bf16", HEAD_SIZE, HEADS);
        norm("[T/2, 4096] bf16", 4096, 1);
    }

    private void norm(String shape, int size, int groups) {
        int rows = size == 4096 ? T / 2 : T;
        double row = 2.0 * rows * size * groups;
        report.kernel("rmsNorm", shape, 2 * row, sets -> {
            Tensor[] x = report.tensors(sets, DType.BF16, rows, size * groups);
            Tensor[] out = report.tensors(sets, DType.BF16, rows, size * groups);
            Tensor weight = report.tensors(1, DType.BF16, size)[0];
            Tensor inverse = report.tensors(1, DType.F32, rows, groups)[0];
            return i -> kernels.rmsNorm(x[i], weight, 1e-6f, out[i], inverse);
        });
        report.kernel("addRmsNorm", shape, 4 * row, sets -> {
            Tensor[] x = report.tensors(sets, DType.BF16, rows, size * groups);
            Tensor[] delta = report.tensors(sets, DType.BF16, rows, size * groups);
            Tensor[] out = report.tensors(sets, DType.BF16, rows, size * groups);
            Tensor weight = report.tensors(1, DType.BF16, size)[0];
            Tensor inverse = report.tensors(1, DType.F32, rows, groups)[0];
            return i -> kernels.addRmsNorm(x[i], delta[i], weight, 1e-6f, out[i], inverse);
        });
        for (Write write : Write.values()) {
            report.kernel("rmsNormGrad " + write, shape, (write == Write.ACCUMULATE ? 4 : 3) * row, sets -> {
                Tensor[] dy = report.tensors(sets, DType.BF16, rows, size * groups);
                Tensor[] x = report.tensors(sets, DType.BF16, rows, size * groups);
                Tensor[] dx = report.tensors(sets, DType.BF16, rows, size * groups);
                Tensor weight = report.tensors(1, DType.BF16, size)[0];
                Tensor dWeight = report.tensors(1, DType.F32, size)[0];
                Tensor inverse = report.tensors(1, DType.F32, rows, groups)[0];
                return i -> kernels.rmsNormGrad(dy[i], x[i], weight, inverse, dx[i], write, dWeight);
            });
        }
    }

    private void feedForward() {
        double row = 2.0 * T * F;
        report.kernel("swiGlu", "[T, F] bf16", 3 * row, sets -> {
            Tensor[] gateUp = report.tensors(sets, DType.BF16, T, 2 * F);
            Tensor[] out = report.tensors(sets, DType.BF16, T, F);
            return i -> kernels.swiGlu(gateUp[i], out[i]);
        });
        report.kernel("swiGluGrad", "[T, F] bf16", 5 * row, sets -> {
            Tensor[] gateUp = report.tensors(sets, DType.BF16, T, 2 * F);
            Tensor[] dOut = report.tensors(sets, DType.BF16, T, F);
            return i -> kernels.swiGluGrad(dOut[i], gateUp[i], gateUp[i]);
        });
        report.kernel("swiGluBackward", "[T, F] bf16", 6 * row, sets -> {
            Tensor[] gateUp = report.tensors(sets, DType.BF16, T, 2 * F);
            Tensor[] dOut = report.tensors(sets, DType.BF16, T, F);
            return i -> kernels.swiGluBackward(dOut[i], gateUp[i]);
        });
    }

    private void loss() {
        double row = 2.0 * LOSS_ROWS * V;
        int[] label = new SplittableRandom(2).ints(LOSS_ROWS, 0, V).toArray();
        report.kernel("softmaxStatistics", "[2048, V] bf16", row, sets -> {
            Tensor[] logits = report.tensors(sets, DType.BF16, LOSS_ROWS, V);
            Tensor labels = report.ints(label);
            Tensor sums = report.tensors(1, DType.F32, LOSS_ROWS)[0];
            Tensor picked = report.tensors(1, DType.F32, LOSS_ROWS)[0];
            return i -> kernels.softmaxStatistics(logits[i], labels, 0, sums, picked);
        });
        report.kernel("crossEntropyGrad", "[2048, V] bf16", 2 * row, sets -> {
            Tensor[] logits = report.tensors(sets, DType.BF16, LOSS_ROWS, V);
            Tensor labels = report.ints(label);
            Tensor sums = report.tensors(1, DType.F32, LOSS_ROWS)[0];
            Tensor scale = report.tensors(1, DType.F32, LOSS_ROWS)[0];
            kernels.fill(sums, 12);
            return i -> kernels.crossEntropyGrad(logits[i], sums, labels, 0, scale);
        });
    }

    private void updates() {
        report.kernel("sumOfSquares", "[N] f32", 4.0 * N, sets -> {
            Tensor[] x = report.tensors(sets, DType.F32, N);
            Tensor sum = report.frame().tensor("sum", DType.F64, 1);
            return i -> kernels.sumOfSquares(x[i], sum, Write.OVERWRITE);
        });
        adamW("f32, value bf16", DType.F32, DType.F32, 30);
        adamW("low half, moments bf16", DType.I16, DType.BF16, 20);
        adamW("low half, moments f8", DType.I16, DType.F8_E4M3, 16 + 4 * 4 / 128.0);
        adamW("by chance, moments bf16", null, DType.BF16, 16);
        adamW("by chance, moments f8", null, DType.F8_E4M3, 12 + 4 * 4 / 128.0);
    }

    /**
     * @param main         null for BF16 values that are rounded by chance, as of one parameter
     * @param perParameter bytes, those of a float32 gradient among them
     */
    private void adamW(String what, DType main, DType moments, double perParameter) {
        report.kernel("adamW", "[N/2] " + what, perParameter * N / 2, sets -> {
            AdamWTensors[] states = new AdamWTensors[sets];
            StochasticRounding rounding = main == null ? new StochasticRounding(1, report.longs(2, 0, 1 << 20), 0) : null;
            for (int i = 0; i < sets; i++) {
                Tensor value = report.tensors(1, DType.BF16, N / 2)[0];
                StateTensor[] kept = new StateTensor[3];
                for (int j = main == null ? 1 : 0; j < kept.length; j++) {
                    kept[j] = StateTensor.allocate(report.frame(), "state", j == 0 ? main : moments, N / 2);
                    kept[j].clear(kernels);
                }
                states[i] = new AdamWTensors(value, kept[0], kept[1], kept[2], rounding);
            }
            Tensor[] gradient = report.tensors(sets, DType.F32, N / 2);
            Tensor factor = report.tensors(1, DType.F32, 1)[0];
            kernels.fill(factor, 0.5f);
            int[] step = {0};
            return i -> kernels.adamW(new AdamWStep(1e-5f, 0.9f, 0.95f, 1e-8f, 0.1f, ++step[0]), states[i], gradient[i], factor);
        });
    }
}
