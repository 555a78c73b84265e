package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Numbers into tensors of an engine and back, for tests. */
public final class TestTensors {

    private TestTensors() {
    }

    /** A tensor of a floating-point type with these numbers, rounded to it. */
    public static Tensor of(Engine engine, Arena.Frame frame, String name, DType dtype, long[] shape, float... values) {
        Tensor tensor = frame.tensor(name, dtype, shape);
        fill(engine, tensor, values);
        return tensor;
    }

    /** A float32 tensor with these numbers. */
    public static Tensor floats(Engine engine, Arena.Frame frame, String name, long[] shape, float... values) {
        return of(engine, frame, name, DType.F32, shape, values);
    }

    /** An I32 vector. */
    public static Tensor ints(Engine engine, Arena.Frame frame, String name, int... values) {
        Tensor tensor = frame.tensor(name, DType.I32, values.length);
        ByteBuffer bytes = buffer(tensor);
        bytes.asIntBuffer().put(values);
        engine.write(tensor, bytes);
        return tensor;
    }

    /** Overwrites a contiguous tensor of a floating-point type. */
    public static void fill(Engine engine, Tensor tensor, float... values) {
        if (values.length != tensor.elements()) {
            throw new IllegalArgumentException(values.length + " numbers for " + tensor);
        }
        ByteBuffer bytes = buffer(tensor);
        HalfPrecision.encode(tensor.dtype(), values, 0, values.length, bytes);
        engine.write(tensor, bytes.flip());
    }

    /** The numbers of a contiguous tensor of a floating-point type, as float32. */
    public static float[] read(Engine engine, Tensor tensor) {
        ByteBuffer bytes = buffer(tensor);
        engine.read(tensor, bytes);
        float[] values = new float[Math.toIntExact(tensor.elements())];
        HalfPrecision.decode(tensor.dtype(), bytes.clear(), values, 0, values.length);
        return values;
    }

    /** A layout from positions and documents of its tokens. */
    public static TokenLayout layout(Engine engine, Arena.Frame frame, int[] documents, int[] positions) {
        return new TokenLayout(documents.length, ints(engine, frame, "positions", positions), ints(engine, frame, "documents", documents),
                TokenLayout.startsOf(documents), positions, documents);
    }

    /** The layout of whole documents of these lengths. */
    public static TokenLayout documents(Engine engine, Arena.Frame frame, int... lengths) {
        int tokens = java.util.Arrays.stream(lengths).sum();
        int[] documents = new int[tokens];
        int[] positions = new int[tokens];
        for (int d = 0, t = 0; d < lengths.length; d++) {
            for (int p = 0; p < lengths[d]; p++, t++) {
                documents[t] = d;
                positions[t] = p;
            }
        }
        return layout(engine, frame, documents, positions);
    }

    private static ByteBuffer buffer(Tensor tensor) {
        return ByteBuffer.allocate(Math.toIntExact(tensor.sizeBytes())).order(ByteOrder.nativeOrder());
    }
}
