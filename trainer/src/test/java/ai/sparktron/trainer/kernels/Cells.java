package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;

/** Single elements of a host tensor as double, whatever its type: slow and plain. */
final class Cells {

    private final Tensor tensor;
    private final ByteBuffer bytes;

    Cells(Tensor tensor) {
        this.tensor = tensor;
        this.bytes = (ByteBuffer) tensor.view();
    }

    private int at(long row, long column) {
        return Math.toIntExact((row * tensor.rowStride() + column) * tensor.dtype().sizeBytes());
    }

    double get(long row, long column) {
        int at = at(row, column);
        return switch (tensor.dtype()) {
            case F64 -> bytes.getDouble(at);
            case F32 -> bytes.getFloat(at);
            case BF16 -> HalfPrecision.fromBfloat16(bytes.getShort(at));
            case F16 -> HalfPrecision.fromFloat16(bytes.getShort(at));
            case I64 -> bytes.getLong(at);
            case I32 -> bytes.getInt(at);
            case I16 -> bytes.getShort(at) & 0xffff;
            case U8, BOOL, F8_E4M3, F8_E5M2 -> bytes.get(at) & 0xff;
        };
    }

    double get(long column) {
        return get(0, column);
    }

    int integer(long column) {
        return bytes.getInt(at(0, column));
    }

    void set(long row, long column, double value) {
        int at = at(row, column);
        switch (tensor.dtype()) {
            case F64 -> bytes.putDouble(at, value);
            case F32 -> bytes.putFloat(at, (float) value);
            case BF16 -> bytes.putShort(at, HalfPrecision.toBfloat16((float) value));
            case F16 -> bytes.putShort(at, HalfPrecision.toFloat16((float) value));
            case I64 -> bytes.putLong(at, (long) value);
            case I32 -> bytes.putInt(at, (int) value);
            case I16 -> bytes.putShort(at, (short) (int) value);
            case U8, BOOL, F8_E4M3, F8_E5M2 -> bytes.put(at, (byte) value);
        }
    }

    void set(long column, double value) {
        set(0, column, value);
    }

    /** Writes or adds. */
    void write(long row, long column, double value, Write write) {
        set(row, column, write == Write.OVERWRITE ? value : get(row, column) + value);
    }

    long rows() {
        return tensor.rows();
    }

    long columns() {
        return tensor.columns();
    }
}
