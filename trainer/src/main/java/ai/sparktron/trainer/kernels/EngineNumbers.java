package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.BlockScaled;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Float8;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.MainWeights;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Numbers in the memory of an engine or of the host: plain tensors, states with scales, main weights in each form of {@link AdamWTensors}. Conversions run on the host. */
public final class EngineNumbers {

    private EngineNumbers() {
    }

    /** A contiguous tensor [n] of F32, BF16 or F16, rounding to nearest even. */
    public static StoredNumbers of(TensorAccess memory, Tensor tensor) {
        return new Plain(memory, tensor, Rounding.TIES_TO_EVEN);
    }

    /** A first moment or the like. */
    public static StoredNumbers of(TensorAccess memory, StateTensor state) {
        return state.scales() == null ? of(memory, state.elements()) : new Scaled(memory, state, false);
    }

    /** A second moment, which F8_E4M3 keeps as its root. */
    public static StoredNumbers squares(TensorAccess memory, StateTensor state) {
        return state.scales() == null ? of(memory, state.elements()) : new Scaled(memory, state, state.elements().dtype() == DType.F8_E4M3);
    }

    /**
     * Weights: reading gives main weights, writing sets main weights and the values rounded from them.
     *
     * @param home where the main weights lie
     * @param main null where the values alone are kept here: float32, or rounded from main weights of another rank
     */
    public static StoredNumbers weights(TensorAccess memory, Tensor value, TensorAccess home, StateTensor main) {
        StoredNumbers values = new Plain(memory, value, Rounding.OF_MAIN_WEIGHTS);
        if (main == null) {
            return values;
        }
        return main.elements().dtype() == DType.I16 ? new Split(memory, value, home, main.elements()) : new Both(of(home, main), values);
    }

    private enum Rounding { TIES_TO_EVEN, OF_MAIN_WEIGHTS }

    private static ByteBuffer room(long bytes) {
        return ByteBuffer.allocate(Math.toIntExact(bytes)).order(ByteOrder.nativeOrder());
    }

    private static ByteBuffer bytes(TensorAccess memory, Tensor part) {
        ByteBuffer bytes = room(part.sizeBytes());
        memory.read(part, bytes);
        return bytes.clear();
    }

    private static float[] floats(ByteBuffer source) {
        float[] values = new float[source.remaining() / Float.BYTES];
        source.duplicate().order(ByteOrder.nativeOrder()).asFloatBuffer().get(values);
        source.position(source.limit());
        return values;
    }

    private static void put(float[] values, int from, ByteBuffer target) {
        int count = target.remaining() / Float.BYTES;
        target.duplicate().order(ByteOrder.nativeOrder()).asFloatBuffer().put(values, from, count);
        target.position(target.limit());
    }

    private record Plain(TensorAccess memory, Tensor tensor, Rounding rounding) implements StoredNumbers {

        @Override
        public long size() {
            return tensor.elements();
        }

        @Override
        public void read(long from, ByteBuffer target) {
            Tensor part = tensor.rows(from, target.remaining() / Float.BYTES);
            if (tensor.dtype() == DType.F32) {
                memory.read(part, target);
                target.position(target.limit());
                return;
            }
            float[] values = new float[(int) part.elements()];
            HalfPrecision.decode(tensor.dtype(), bytes(memory, part), values, 0, values.length);
            put(values, 0, target);
        }

        @Override
        public void write(long from, ByteBuffer source) {
            Tensor part = tensor.rows(from, source.remaining() / Float.BYTES);
            if (tensor.dtype() == DType.F32) {
                memory.write(part, source);
                source.position(source.limit());
                return;
            }
            float[] values = floats(source);
            for (int i = 0; rounding == Rounding.OF_MAIN_WEIGHTS && i < values.length; i++) {
                values[i] = MainWeights.round(tensor.dtype(), values[i]);
            }
            ByteBuffer rounded = room(part.sizeBytes());
            HalfPrecision.encode(tensor.dtype(), values, 0, values.length, rounded);
            memory.write(part, rounded.flip());
        }
    }

    /** Value and low half of each weight. */
    private record Split(TensorAccess memory, Tensor value, TensorAccess home, Tensor lowHalf) implements StoredNumbers {

        @Override
        public long size() {
            return value.elements();
        }

        @Override
        public void read(long from, ByteBuffer target) {
            int count = target.remaining() / Float.BYTES;
            ByteBuffer high = bytes(memory, value.rows(from, count));
            ByteBuffer low = bytes(home, lowHalf.rows(from, count));
            float[] values = new float[count];
            for (int i = 0; i < count; i++) {
                values[i] = MainWeights.join(high.getShort(), low.getShort());
            }
            put(values, 0, target);
        }

        @Override
        public void write(long from, ByteBuffer source) {
            float[] values = floats(source);
            ByteBuffer high = room(2L * values.length);
            ByteBuffer low = room(2L * values.length);
            for (float weight : values) {
                high.putShort(MainWeights.toBfloat16(weight));
                low.putShort(MainWeights.lowHalf(weight));
            }
            memory.write(value.rows(from, values.length), high.flip());
            home.write(lowHalf.rows(from, values.length), low.flip());
        }
    }

    /** Main weights beside values; the values are rounded from what is written, not from what is kept of it. */
    private record Both(StoredNumbers main, StoredNumbers values) implements StoredNumbers {

        @Override
        public long size() {
            return main.size();
        }

        @Override
        public void read(long from, ByteBuffer target) {
            main.read(from, target);
        }

        @Override
        public void write(long from, ByteBuffer source) {
            values.write(from, source.duplicate().order(ByteOrder.nativeOrder()));
            main.write(from, source);
        }
    }

    /** Blocks with scales. A block that is written in part keeps its other numbers, which a larger scale may round once more. */
    private record Scaled(TensorAccess memory, StateTensor state, boolean roots) implements StoredNumbers {

        @Override
        public long size() {
            return state.elements().elements();
        }

        private DType dtype() {
            return state.elements().dtype();
        }

        /** Numbers of whole blocks, as they are stored but for the scale. */
        private float[] blocks(long first, int count) {
            StateTensor part = state.rows(first, count);
            float[] scales = floats(bytes(memory, part.scales()));
            ByteBuffer elements = bytes(memory, part.elements());
            float[] values = new float[count];
            for (int at = 0; at < count; at += BlockScaled.BLOCK) {
                BlockScaled.decode(dtype(), scales[at / BlockScaled.BLOCK], elements, values, at, Math.min(BlockScaled.BLOCK, count - at));
            }
            return values;
        }

        private static long blockStart(long element) {
            return element / BlockScaled.BLOCK * BlockScaled.BLOCK;
        }

        private int covered(long first, long from, int count) {
            return (int) (Math.min(size(), blockStart(from + count + BlockScaled.BLOCK - 1)) - first);
        }

        @Override
        public void read(long from, ByteBuffer target) {
            int count = target.remaining() / Float.BYTES;
            long first = blockStart(from);
            float[] values = blocks(first, covered(first, from, count));
            for (int i = 0; roots && i < values.length; i++) {
                values[i] *= values[i];
            }
            put(values, (int) (from - first), target);
        }

        @Override
        public void write(long from, ByteBuffer source) {
            float[] written = floats(source);
            for (int i = 0; roots && i < written.length; i++) {
                written[i] = (float) Math.sqrt(written[i]);
            }
            long first = blockStart(from);
            int count = covered(first, from, written.length);
            float[] values = blocks(first, count);
            System.arraycopy(written, 0, values, (int) (from - first), written.length);
            StateTensor part = state.rows(first, count);
            ByteBuffer scales = room(part.scales().sizeBytes());
            ByteBuffer elements = room(part.elements().sizeBytes());
            for (int at = 0; at < count; at += BlockScaled.BLOCK) {
                int block = Math.min(BlockScaled.BLOCK, count - at);
                float scale = BlockScaled.scale(dtype(), values, at, block);
                for (int i = at; roots && i < at + block; i++) {
                    values[i] = values[i] > 0 ? Math.max(values[i], Float8.SMALLEST_E4M3 * scale) : values[i];
                }
                scales.putFloat(scale);
                BlockScaled.encode(dtype(), scale, values, at, block, elements);
            }
            memory.write(part.scales(), scales.flip());
            memory.write(part.elements(), elements.flip());
        }
    }
}
