package ai.sparktron.benchmarks;

import ai.sparktron.trainer.kernels.AdamWStep;
import ai.sparktron.trainer.kernels.AdamWTensors;
import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.DeviceStreams;
import ai.sparktron.trainer.kernels.Direction;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.RopeLayout;
import ai.sparktron.trainer.kernels.StateTensor;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.kernels.cuda.CudaEngine;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.IntConsumer;
import java.util.function.IntFunction;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.Pointer;

/**
 * Every kernel that is bound by memory against the device's copy bandwidth, in the shapes of Qwen2.5-1.5B: {@code GpuKernelTimes [NAME ...]} prints one line for each
 * kernel whose name begins so. Times are between events on the device, after warm-up, the median of some rounds; operands change from call to call and are larger
 * than the second-level cache together; bytes are those that the kernel must move, each operand once.
 *
 * <p>Letters: T tokens, D embedding, F feed-forward, V vocabulary, N parameters.
 */
public final class GpuKernelTimes implements AutoCloseable {

    private static final int T = 8192;
    private static final int D = 1536;
    private static final int F = 8960;
    private static final int V = 151_936;
    private static final int LOSS_ROWS = 2048;
    private static final int HEADS = 14;
    private static final int HEAD_SIZE = 128;
    private static final int N = 1 << 27;
    private static final int ROUNDS = 7;
    private static final int CALLS = 12;
    private static final long ROTATED_BYTES = 400L << 20;
    private static final double MEGA = 1e6;

    private final String[] wanted;
    private final Engine engine;
    private final Kernels kernels;
    private final CUstream_st stream;
    private final CUevent_st begin = new CUevent_st();
    private final CUevent_st end = new CUevent_st();
    private final StackArena arena;
    private Arena.Frame frame;
    private double copyRate = Double.NaN;

    private GpuKernelTimes(Engine engine, String[] wanted) {
        this.wanted = wanted;
        this.engine = engine;
        this.kernels = engine.kernels();
        long streamAddress = ((DeviceStreams) engine).compute();
        this.stream = new CUstream_st(new Pointer() {
            {
                this.address = streamAddress;
            }
        });
        check(cudart.cuEventCreate(begin, cudart.CU_EVENT_DEFAULT));
        check(cudart.cuEventCreate(end, cudart.CU_EVENT_DEFAULT));
        this.arena = StackArena.growing("operands", engine.memory(), 1L << 30);
    }

    public static void main(String[] names) {
        try (Engine engine = CudaEngine.factory(CudaEngine.Settings.usual()).open(0); GpuKernelTimes times = new GpuKernelTimes(engine, names)) {
            System.out.println(engine.description());
            System.out.printf(Locale.ROOT, "%-26s %-34s %10s %10s %8s %7s%n", "kernel", "shape", "MB", "us", "GB/s", "% copy");
            times.elements();
            times.tokens();
            times.norms();
            times.feedForward();
            times.loss();
            times.updates();
        }
    }

    private static void check(int result) {
        if (result != cudart.CUDA_SUCCESS) {
            throw new IllegalStateException("the driver answered " + result);
        }
    }

    private static int sets(double bytes) {
        return (int) Math.max(2, Math.min(16, ROTATED_BYTES / bytes + 1));
    }

    private Tensor[] tensors(int count, DType dtype, long... shape) {
        Tensor[] made = new Tensor[count];
        for (int i = 0; i < count; i++) {
            made[i] = frame.tensor("operand", dtype, shape);
            kernels.fillNormal(made[i], i + 1, 0, 0, made[i].columns(), 0, 1);
        }
        return made;
    }

    private Tensor ints(int... values) {
        Tensor tensor = frame.tensor("indices", DType.I32, values.length);
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.nativeOrder());
        bytes.asIntBuffer().put(values);
        engine.write(tensor, bytes);
        return tensor;
    }

    /** Makes operands for one kernel, times it and lets go of them. */
    private void kernel(String name, String shape, double bytes, IntFunction<IntConsumer> prepare) {
        if (wanted.length > 0 && !name.equals("copy") && Arrays.stream(wanted).noneMatch(name::startsWith)) {
            return;
        }
        int sets = sets(bytes);
        frame = arena.open(name);
        IntConsumer call = prepare.apply(sets);
        for (int i = 0; i < sets + 2; i++) {
            call.accept(i % sets);
        }
        double[] micros = new double[ROUNDS];
        float[] milliseconds = new float[1];
        for (int round = 0; round < ROUNDS; round++) {
            check(cudart.cuEventRecord(begin, stream));
            for (int i = 0; i < CALLS; i++) {
                call.accept(i % sets);
            }
            check(cudart.cuEventRecord(end, stream));
            engine.synchronize();
            check(cudart.cuEventElapsedTime(milliseconds, begin, end));
            micros[round] = milliseconds[0] * 1e3 / CALLS;
        }
        frame.close();
        Arrays.sort(micros);
        double time = micros[ROUNDS / 2];
        double rate = bytes / time / 1e3;
        copyRate = Double.isNaN(copyRate) ? rate : copyRate;
        System.out.printf(Locale.ROOT, "%-26s %-34s %10.1f %10.1f %8.0f %7.1f%n", name, shape, bytes / MEGA, time, rate, 100 * rate / copyRate);
    }

    private void elements() {
        kernel("copy", "[N/2] f32", 4.0 * N, sets -> {
            Tensor[] x = tensors(sets, DType.F32, N / 2);
            Tensor[] y = tensors(sets, DType.F32, N / 2);
            return i -> kernels.copy(x[i], y[i]);
        });
        double row = 2.0 * T * D;
        kernel("fill", "[N] f32", 4.0 * N, sets -> {
            Tensor[] x = tensors(sets, DType.F32, N);
            return i -> kernels.fill(x[i], 1);
        });
        kernel("add", "[T, D] bf16", 3 * row, sets -> {
            Tensor[] a = tensors(sets, DType.BF16, T, D);
            Tensor[] b = tensors(sets, DType.BF16, T, D);
            Tensor[] out = tensors(sets, DType.BF16, T, D);
            return i -> kernels.add(a[i], b[i], out[i]);
        });
        kernel("addScaled", "[N/4] bf16 to f32", 10.0 * N / 4, sets -> {
            Tensor[] x = tensors(sets, DType.BF16, N / 4);
            Tensor[] y = tensors(sets, DType.F32, N / 4);
            return i -> kernels.addScaled(0.5f, x[i], y[i]);
        });
        kernel("copy f32 to bf16", "[N/4]", 6.0 * N / 4, sets -> {
            Tensor[] x = tensors(sets, DType.F32, N / 4);
            Tensor[] y = tensors(sets, DType.BF16, N / 4);
            return i -> kernels.copy(x[i], y[i]);
        });
        kernel("scale", "[T, D] bf16", 2 * row, sets -> {
            Tensor[] x = tensors(sets, DType.BF16, T, D);
            return i -> kernels.scale(x[i], 1.0001f);
        });
        kernel("addBias", "[T, 2048] bf16", 4.0 * T * 2048, sets -> {
            Tensor[] x = tensors(sets, DType.BF16, T, 2048);
            Tensor bias = tensors(1, DType.BF16, 2048)[0];
            return i -> kernels.addBias(x[i], bias);
        });
        kernel("addBiasGrad", "[T, 2048] bf16 to f32", 2.0 * T * 2048, sets -> {
            Tensor[] dy = tensors(sets, DType.BF16, T, 2048);
            Tensor bias = tensors(1, DType.F32, 2048)[0];
            return i -> kernels.addBiasGrad(dy[i], bias);
        });
        kernel("fillNormal", "[N/4] f32", 1.0 * N, sets -> {
            Tensor[] x = tensors(sets, DType.F32, N / 4);
            return i -> kernels.fillNormal(x[i], 3, 0, 0, N / 4, 0, 1);
        });
        kernel("dropout", "[T, D] bf16", 2 * row, sets -> {
            Tensor[] x = tensors(sets, DType.BF16, T, D);
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
        kernel("embedding", "[T, D] bf16", 2 * row, sets -> {
            Tensor table = tensors(1, DType.BF16, V, D)[0];
            Tensor id = ints(ids);
            Tensor[] out = tensors(sets, DType.BF16, T, D);
            return i -> kernels.embedding(id, table, 0, out[i]);
        });
        kernel("embeddingGrad", "[T, D] bf16, " + different + " ids", row + 8.0 * different * D, sets -> {
            Tensor table = tensors(1, DType.F32, V, D)[0];
            Tensor id = ints(ids);
            Tensor[] dy = tensors(sets, DType.BF16, T, D);
            return i -> kernels.embeddingGrad(id, dy[i], 0, table);
        });
        for (RopeLayout layout : RopeLayout.values()) {
            kernel("rope " + layout, "[T, 14 * 128] bf16", 4.0 * T * HEADS * HEAD_SIZE, sets -> {
                Tensor[] x = tensors(sets, DType.BF16, T, HEADS * HEAD_SIZE);
                Tensor table = tensors(1, DType.F32, 4096, HEAD_SIZE)[0];
                int[] positions = new int[T];
                Arrays.setAll(positions, t -> t % 4096);
                Tensor position = ints(positions);
                return i -> kernels.rope(x[i], HEAD_SIZE, position, table, layout, Direction.FORWARD);
            });
        }
        AttentionShape latent = new AttentionShape(16, 16, 192, 128, 1);
        kernel("latentHeads", "[T, 16 * (128 + 64, 128)] bf16", 2.0 * T * (16 * (256 + 192 + 128) + 64), sets -> {
            Tensor[] up = tensors(sets, DType.BF16, T, 16 * 256);
            Tensor[] rotary = tensors(sets, DType.BF16, T, 64);
            Tensor[] k = tensors(sets, DType.BF16, T, 16 * 192);
            Tensor[] v = tensors(sets, DType.BF16, T, 16 * 128);
            return i -> kernels.latentHeads(up[i], rotary[i], latent, k[i], v[i]);
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
        kernel("rmsNorm", shape, 2 * row, sets -> {
            Tensor[] x = tensors(sets, DType.BF16, rows, size * groups);
            Tensor[] out = tensors(sets, DType.BF16, rows, size * groups);
            Tensor weight = tensors(1, DType.BF16, size)[0];
            Tensor inverse = tensors(1, DType.F32, rows, groups)[0];
            return i -> kernels.rmsNorm(x[i], weight, 1e-6f, out[i], inverse);
        });
        kernel("addRmsNorm", shape, 4 * row, sets -> {
            Tensor[] x = tensors(sets, DType.BF16, rows, size * groups);
            Tensor[] delta = tensors(sets, DType.BF16, rows, size * groups);
            Tensor[] out = tensors(sets, DType.BF16, rows, size * groups);
            Tensor weight = tensors(1, DType.BF16, size)[0];
            Tensor inverse = tensors(1, DType.F32, rows, groups)[0];
            return i -> kernels.addRmsNorm(x[i], delta[i], weight, 1e-6f, out[i], inverse);
        });
        for (Write write : Write.values()) {
            kernel("rmsNormGrad " + write, shape, (write == Write.ACCUMULATE ? 4 : 3) * row, sets -> {
                Tensor[] dy = tensors(sets, DType.BF16, rows, size * groups);
                Tensor[] x = tensors(sets, DType.BF16, rows, size * groups);
                Tensor[] dx = tensors(sets, DType.BF16, rows, size * groups);
                Tensor weight = tensors(1, DType.BF16, size)[0];
                Tensor dWeight = tensors(1, DType.F32, size)[0];
                Tensor inverse = tensors(1, DType.F32, rows, groups)[0];
                return i -> kernels.rmsNormGrad(dy[i], x[i], weight, inverse, dx[i], write, dWeight);
            });
        }
    }

    private void feedForward() {
        double row = 2.0 * T * F;
        kernel("swiGlu", "[T, F] bf16", 3 * row, sets -> {
            Tensor[] gateUp = tensors(sets, DType.BF16, T, 2 * F);
            Tensor[] out = tensors(sets, DType.BF16, T, F);
            return i -> kernels.swiGlu(gateUp[i], out[i]);
        });
        kernel("swiGluGrad", "[T, F] bf16", 5 * row, sets -> {
            Tensor[] gateUp = tensors(sets, DType.BF16, T, 2 * F);
            Tensor[] dOut = tensors(sets, DType.BF16, T, F);
            return i -> kernels.swiGluGrad(dOut[i], gateUp[i], gateUp[i]);
        });
        kernel("swiGluBackward", "[T, F] bf16", 6 * row, sets -> {
            Tensor[] gateUp = tensors(sets, DType.BF16, T, 2 * F);
            Tensor[] dOut = tensors(sets, DType.BF16, T, F);
            return i -> kernels.swiGluBackward(dOut[i], gateUp[i]);
        });
    }

    private void loss() {
        double row = 2.0 * LOSS_ROWS * V;
        int[] label = new SplittableRandom(2).ints(LOSS_ROWS, 0, V).toArray();
        kernel("softmaxStatistics", "[2048, V] bf16", row, sets -> {
            Tensor[] logits = tensors(sets, DType.BF16, LOSS_ROWS, V);
            Tensor labels = ints(label);
            Tensor sums = tensors(1, DType.F32, LOSS_ROWS)[0];
            Tensor picked = tensors(1, DType.F32, LOSS_ROWS)[0];
            return i -> kernels.softmaxStatistics(logits[i], labels, 0, sums, picked);
        });
        kernel("crossEntropyGrad", "[2048, V] bf16", 2 * row, sets -> {
            Tensor[] logits = tensors(sets, DType.BF16, LOSS_ROWS, V);
            Tensor labels = ints(label);
            Tensor sums = tensors(1, DType.F32, LOSS_ROWS)[0];
            Tensor scale = tensors(1, DType.F32, LOSS_ROWS)[0];
            kernels.fill(sums, 12);
            return i -> kernels.crossEntropyGrad(logits[i], sums, labels, 0, scale);
        });
    }

    private void updates() {
        kernel("sumOfSquares", "[N] f32", 4.0 * N, sets -> {
            Tensor[] x = tensors(sets, DType.F32, N);
            Tensor sum = frame.tensor("sum", DType.F64, 1);
            return i -> kernels.sumOfSquares(x[i], sum, Write.OVERWRITE);
        });
        adamW("f32, value bf16", DType.F32, DType.F32, 30);
        adamW("low half, moments bf16", DType.I16, DType.BF16, 20);
        adamW("low half, moments f8", DType.I16, DType.F8_E4M3, 16 + 4 * 4 / 128.0);
    }

    /** @param perParameter bytes, those of a float32 gradient among them */
    private void adamW(String what, DType main, DType moments, double perParameter) {
        kernel("adamW", "[N/2] " + what, perParameter * N / 2, sets -> {
            AdamWTensors[] states = new AdamWTensors[sets];
            for (int i = 0; i < sets; i++) {
                Tensor value = tensors(1, DType.BF16, N / 2)[0];
                StateTensor[] kept = new StateTensor[3];
                for (int j = 0; j < kept.length; j++) {
                    kept[j] = StateTensor.allocate(frame, "state", j == 0 ? main : moments, N / 2);
                    kept[j].clear(kernels);
                }
                states[i] = new AdamWTensors(value, kept[0], kept[1], kept[2]);
            }
            Tensor[] gradient = tensors(sets, DType.F32, N / 2);
            Tensor factor = tensors(1, DType.F32, 1)[0];
            kernels.fill(factor, 0.5f);
            int[] step = {0};
            return i -> kernels.adamW(new AdamWStep(1e-5f, 0.9f, 0.95f, 1e-8f, 0.1f, ++step[0]), states[i], gradient[i], factor);
        });
    }

    @Override
    public void close() {
        cudart.cuEventDestroy(begin);
        cudart.cuEventDestroy(end);
        arena.close();
    }
}
