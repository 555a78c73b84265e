package ai.sparktron.trainer.comm;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.HalfPrecision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Elementwise reduction of host buffers in the order given. Works block by block through arrays, which the compiler turns into vector code; an element's
 * result depends only on the values and their order, never on how a tensor was cut.
 */
public final class HostReduction {

    /** Elements per block: two blocks of doubles stay in the first-level cache. */
    private static final int BLOCK = 2048;

    private HostReduction() {
    }

    /** Whether this type can be reduced on the host. */
    public static boolean supports(DType dtype) {
        return switch (dtype) {
            case F64, F32, BF16, F16, I64, I32 -> true;
            case F8_E4M3, F8_E5M2, I16, U8, BOOL -> false;
        };
    }

    /**
     * Reduces the sources, from their positions, into the target's position. Positions and limits are not touched.
     *
     * @param sources  in rank order, native byte order, at least {@code elements} long
     * @param target   may be one of the sources
     */
    public static void reduce(DType dtype, Reduction reduction, ByteBuffer[] sources, ByteBuffer target, long elements) {
        ByteBuffer[] inputs = new ByteBuffer[sources.length];
        for (int i = 0; i < sources.length; i++) {
            inputs[i] = view(sources[i]);
        }
        ByteBuffer output = view(target);
        int count = Math.toIntExact(elements);
        switch (dtype) {
            case F32 -> reduceFloats(reduction, inputs, output, count);
            case F64 -> reduceDoubles(reduction, inputs, output, count);
            case BF16, F16 -> reduceHalves(dtype, reduction, inputs, output, count);
            case I32 -> reduceInts(reduction, inputs, output, count);
            case I64 -> reduceLongs(reduction, inputs, output, count);
            case F8_E4M3, F8_E5M2, I16, U8, BOOL -> throw new IllegalArgumentException("cannot reduce elements of type " + dtype
                    + " on the host; use F32, F64, BF16, F16, I32 or I64");
        }
    }

    private static ByteBuffer view(ByteBuffer buffer) {
        return buffer.slice().order(ByteOrder.nativeOrder());
    }

    private static void reduceFloats(Reduction reduction, ByteBuffer[] inputs, ByteBuffer output, int count) {
        float[] total = new float[Math.min(BLOCK, count)];
        float[] next = new float[total.length];
        for (int from = 0; from < count; from += BLOCK) {
            int length = Math.min(BLOCK, count - from);
            int offset = from * Float.BYTES;
            for (int i = 0; i < inputs.length; i++) {
                inputs[i].position(offset).asFloatBuffer().get(i == 0 ? total : next, 0, length);
                if (i > 0) {
                    combine(reduction, total, next, length);
                }
            }
            output.position(offset).asFloatBuffer().put(total, 0, length);
        }
    }

    private static void combine(Reduction reduction, float[] total, float[] next, int length) {
        switch (reduction) {
            case SUM -> {
                for (int k = 0; k < length; k++) {
                    total[k] += next[k];
                }
            }
            case MAX -> {
                for (int k = 0; k < length; k++) {
                    total[k] = Math.max(total[k], next[k]);
                }
            }
        }
    }

    /** 16 bits, accumulated in float32 and rounded once. */
    private static void reduceHalves(DType dtype, Reduction reduction, ByteBuffer[] inputs, ByteBuffer output, int count) {
        short[] bits = new short[Math.min(BLOCK, count)];
        float[] total = new float[bits.length];
        float[] next = new float[bits.length];
        for (int from = 0; from < count; from += BLOCK) {
            int length = Math.min(BLOCK, count - from);
            int offset = from * Short.BYTES;
            for (int i = 0; i < inputs.length; i++) {
                inputs[i].position(offset).asShortBuffer().get(bits, 0, length);
                float[] into = i == 0 ? total : next;
                for (int k = 0; k < length; k++) {
                    into[k] = dtype == DType.BF16 ? HalfPrecision.fromBfloat16(bits[k]) : HalfPrecision.fromFloat16(bits[k]);
                }
                if (i > 0) {
                    combine(reduction, total, next, length);
                }
            }
            for (int k = 0; k < length; k++) {
                bits[k] = dtype == DType.BF16 ? HalfPrecision.toBfloat16(total[k]) : HalfPrecision.toFloat16(total[k]);
            }
            output.position(offset).asShortBuffer().put(bits, 0, length);
        }
    }

    private static void reduceDoubles(Reduction reduction, ByteBuffer[] inputs, ByteBuffer output, int count) {
        double[] total = new double[Math.min(BLOCK, count)];
        double[] next = new double[total.length];
        for (int from = 0; from < count; from += BLOCK) {
            int length = Math.min(BLOCK, count - from);
            for (int i = 0; i < inputs.length; i++) {
                inputs[i].position(from * Double.BYTES).asDoubleBuffer().get(i == 0 ? total : next, 0, length);
                for (int k = 0; i > 0 && k < length; k++) {
                    total[k] = reduction == Reduction.SUM ? total[k] + next[k] : Math.max(total[k], next[k]);
                }
            }
            output.position(from * Double.BYTES).asDoubleBuffer().put(total, 0, length);
        }
    }

    private static void reduceInts(Reduction reduction, ByteBuffer[] inputs, ByteBuffer output, int count) {
        for (int k = 0; k < count; k++) {
            int at = k * Integer.BYTES;
            int total = inputs[0].getInt(at);
            for (int i = 1; i < inputs.length; i++) {
                int next = inputs[i].getInt(at);
                total = reduction == Reduction.SUM ? total + next : Math.max(total, next);
            }
            output.putInt(at, total);
        }
    }

    private static void reduceLongs(Reduction reduction, ByteBuffer[] inputs, ByteBuffer output, int count) {
        for (int k = 0; k < count; k++) {
            int at = k * Long.BYTES;
            long total = inputs[0].getLong(at);
            for (int i = 1; i < inputs.length; i++) {
                long next = inputs[i].getLong(at);
                total = reduction == Reduction.SUM ? total + next : Math.max(total, next);
            }
            output.putLong(at, total);
        }
    }
}
