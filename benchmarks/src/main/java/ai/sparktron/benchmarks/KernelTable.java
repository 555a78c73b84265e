package ai.sparktron.benchmarks;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.cuda.CudaEngine;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.IntConsumer;
import java.util.function.IntFunction;

/**
 * Times kernels of a GPU and prints a line for each: times between events on the device, after warm-up, the median of some rounds. Operands change from call to
 * call and are larger than the second-level cache together; bytes are those that a kernel must move, each operand once. The first line is the copy that others are
 * compared with.
 */
final class KernelTable implements AutoCloseable {

    private static final int ROUNDS = 7;
    private static final int CALLS = 12;
    private static final long ROTATED_BYTES = 400L << 20;
    private static final double MEGA = 1e6;
    private static final int COPIED = 1 << 26;

    private final String[] wanted;
    private final Engine engine;
    private final DeviceClock clock;
    private final StackArena arena;
    private Arena.Frame frame;
    private double copyRate = Double.NaN;

    /** @param wanted beginnings of the kernels' names; all where there are none */
    KernelTable(String[] wanted) {
        this.wanted = wanted;
        this.engine = CudaEngine.factory(CudaEngine.Settings.usual()).open(0);
        this.clock = new DeviceClock(engine);
        this.arena = StackArena.growing("operands", engine.memory(), 1L << 30);
        System.out.println(engine.description());
        System.out.printf(Locale.ROOT, "%-26s %-40s %10s %10s %8s %7s %8s%n", "kernel", "shape", "MB", "us", "GB/s", "% copy", "TFLOP/s");
        time("copy", "[2^26] f32", 8.0 * COPIED, 0, sets -> {
            Tensor[] x = tensors(sets, DType.F32, COPIED);
            Tensor[] y = tensors(sets, DType.F32, COPIED);
            return i -> kernels().copy(x[i], y[i]);
        });
    }

    Kernels kernels() {
        return engine.kernels();
    }

    /** Where operands of the line at hand are made. */
    Arena.Frame frame() {
        return frame;
    }

    /** Normal numbers. */
    Tensor[] tensors(int count, DType dtype, long... shape) {
        Tensor[] made = new Tensor[count];
        for (int i = 0; i < count; i++) {
            made[i] = frame.tensor("operand", dtype, shape);
            kernels().fillNormal(made[i], i + 1, 0, 0, made[i].columns(), 0, 1);
        }
        return made;
    }

    Tensor ints(int... values) {
        Tensor tensor = frame.tensor("indices", DType.I32, values.length);
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.nativeOrder());
        bytes.asIntBuffer().put(values);
        engine.write(tensor, bytes.clear());
        return tensor;
    }

    /** An I64 matrix [values / columns, columns]. */
    Tensor longs(int columns, long... values) {
        Tensor tensor = frame.tensor("indices", DType.I64, values.length / columns, columns);
        ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES * values.length).order(ByteOrder.nativeOrder());
        bytes.asLongBuffer().put(values);
        engine.write(tensor, bytes.clear());
        return tensor;
    }

    /** A line of a kernel that is bound by memory. */
    void kernel(String name, String shape, double bytes, IntFunction<IntConsumer> prepare) {
        line(name, shape, bytes, 0, prepare);
    }

    /**
     * Makes operands for one kernel, times it and lets go of them.
     *
     * @param flops   of a call; 0 where they do not matter
     * @param prepare from a number of sets of operands to what calls the kernel with one of them
     */
    void line(String name, String shape, double bytes, double flops, IntFunction<IntConsumer> prepare) {
        if (wanted.length == 0 || Arrays.stream(wanted).anyMatch(name::startsWith)) {
            time(name, shape, bytes, flops, prepare);
        }
    }

    private void time(String name, String shape, double bytes, double flops, IntFunction<IntConsumer> prepare) {
        int sets = (int) Math.max(2, Math.min(16, ROTATED_BYTES / bytes + 1));
        frame = arena.open(name);
        IntConsumer call = prepare.apply(sets);
        for (int i = 0; i < sets + 2; i++) {
            call.accept(i % sets);
        }
        double[] micros = new double[ROUNDS];
        for (int round = 0; round < ROUNDS; round++) {
            clock.reset();
            int begin = clock.mark();
            for (int i = 0; i < CALLS; i++) {
                call.accept(i % sets);
            }
            micros[round] = clock.seconds(begin, clock.mark()) * MEGA / CALLS;
        }
        frame.close();
        Arrays.sort(micros);
        double time = micros[ROUNDS / 2];
        double rate = bytes / time / 1e3;
        copyRate = Double.isNaN(copyRate) ? rate : copyRate;
        System.out.printf(Locale.ROOT, "%-26s %-40s %10.1f %10.1f %8.0f %7.1f %8s%n", name, shape, bytes / MEGA, time, rate, 100 * rate / copyRate,
                flops == 0 ? "" : String.format(Locale.ROOT, "%.0f", flops / time * 1e-6));
    }

    @Override
    public void close() {
        try (engine; arena; clock) {
            // Closed in turn.
        }
    }
}
