package ai.sparktron.trainer.comm;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Storage;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicLong;

/** Tensors in plain host memory for tests of communicators. */
public final class HostTensors {

    private static final AtomicLong ADDRESS = new AtomicLong(4096);

    private HostTensors() {
    }

    private record Block(long address, ByteBuffer bytes) implements Storage {
        @Override
        public long sizeBytes() {
            return bytes.capacity();
        }

        @Override
        public Object view(long byteOffset, long sizeBytes) {
            return bytes.slice((int) byteOffset, (int) sizeBytes).order(ByteOrder.nativeOrder());
        }

        @Override
        public void close() {
            throw new IllegalStateException("blocks of tests are left to the collector");
        }
    }

    public static Tensor of(DType dtype, long elements) {
        int bytes = Math.toIntExact(Math.max(1, elements) * dtype.sizeBytes());
        return Tensor.of("t", dtype, Shape.of(elements), new Block(ADDRESS.getAndAdd(bytes), ByteBuffer.allocateDirect(bytes)), 0);
    }

    public static Tensor floats(float... values) {
        Tensor tensor = of(DType.F32, values.length);
        bytes(tensor).asFloatBuffer().put(values);
        return tensor;
    }

    public static float[] toFloats(Tensor tensor) {
        float[] values = new float[(int) tensor.elements()];
        bytes(tensor).asFloatBuffer().get(values);
        return values;
    }

    public static ByteBuffer bytes(Tensor tensor) {
        return ((ByteBuffer) tensor.view()).duplicate().order(ByteOrder.nativeOrder());
    }

    /** Element as a number, exactly. */
    public static double get(Tensor tensor, int index) {
        ByteBuffer bytes = bytes(tensor);
        return switch (tensor.dtype()) {
            case F64 -> bytes.getDouble(index * 8);
            case F32 -> bytes.getFloat(index * 4);
            case BF16 -> Float.intBitsToFloat(bytes.getShort(index * 2) << 16);
            case I64 -> bytes.getLong(index * 8);
            case I32 -> bytes.getInt(index * 4);
            case F16, F8_E4M3, F8_E5M2, I16, U8, BOOL -> throw new IllegalArgumentException(tensor.dtype().name());
        };
    }

    /** Sets an element; for BF16 the value must be one of that type. */
    public static void set(Tensor tensor, int index, double value) {
        ByteBuffer bytes = bytes(tensor);
        switch (tensor.dtype()) {
            case F64 -> bytes.putDouble(index * 8, value);
            case F32 -> bytes.putFloat(index * 4, (float) value);
            case BF16 -> bytes.putShort(index * 2, (short) (Float.floatToRawIntBits((float) value) >>> 16));
            case I64 -> bytes.putLong(index * 8, (long) value);
            case I32 -> bytes.putInt(index * 4, (int) value);
            case F16, F8_E4M3, F8_E5M2, I16, U8, BOOL -> throw new IllegalArgumentException(tensor.dtype().name());
        }
    }
}
