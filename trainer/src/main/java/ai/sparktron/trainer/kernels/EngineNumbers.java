package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.BlockScaled;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Float8;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.MainWeights;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Numbers in an engine's memory: plain tensors, states with scales, main weights in each form of {@link AdamWTensors}. Conversions run on the host. */
public final class EngineNumbers {

    private EngineNumbers() {
    }

    /** A contiguous tensor [n] of F32, BF16 or F16, rounding to nearest even. */
    public static StoredNumbers of(Engine engine, Tensor tensor) {
        return new Plain(engine, tensor, Rounding.TIES_TO_EVEN);
    }

    /** A first moment or the like. */
    public static StoredNumbers of(Engine engine, StateTensor state) {
        return state.scales() == null ? of(engine, state.elements()) : new Scaled(engine, state, false);
    }

    /** A second moment, which F8_E4M3 keeps as its root. */
    public static StoredNumbers squares(Engine engine, StateTensor state) {
        return state.scales() == null ? of(engine, state.elements()) : new Scaled(engine, state, state.elements().dtype() == DType.F8_E4M3);
    }

    /**
     * Weights: reading gives main weights, writing sets main weights and the values rounded from them.
     *
     * @param main null where the values alone are kept here: float32, or rounded from main weights of another rank
     */
    public static StoredNumbers weights(Engine engine, Tensor value, StateTensor main) {
        StoredNumbers values = new Plain(engine, value, Rounding.OF_MAIN_WEIGHTS);
        if (main == null) {
            return values;
        }
        return main.elements().dtype() == DType.I16 ? new Split(engine, value, main.elements()) : new Both(of(engine, main), values);
    }

    private enum Rounding { TIES_TO_EVEN, OF_MAIN_WEIGHTS }

    private static ByteBuffer room(long bytes) {
        return ByteBuffer.allocate(Math.toIntExact(bytes)).order(ByteOrder.nativeOrder());
    }

    private static ByteBuffer bytes(Engine engine, Tensor part) {
        ByteBuffer bytes = room(part.sizeBytes());
        engine.read(part, bytes);
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

    private record Plain(Engine engine, Tensor tensor, Rounding rounding) implements StoredNumbers {

        @Override
        public long size() {
            return tensor.elements();
        }

        @Override
        public void read(long from, ByteBuffer target) {
            Tensor part = tensor.rows(from, target.remaining() / Float.BYTES);
            if (tensor.dtype() == DType.F32) {
                engine.read(part, target);
                target.position(target.limit());
                return;
            }
            float[] values = new float[(int) part.elements()];
            HalfPrecision.decode(tensor.dtype(), bytes(engine, part), values, 0, values.length);
            put(values, 0, target);
        }

        @Override
        public void write(long from, ByteBuffer source) {
            Tensor part = tensor.rows(from, source.remaining() / Float.BYTES);
            if (tensor.dtype() == DType.F32) {
                engine.write(part, source);
                source.position(source.limit());
                return;
            }
            float[] values = floats(source);
            for (int i = 0; rounding == Rounding.OF_MAIN_WEIGHTS && i < values.length; i++) {
                values[i] = MainWeights.round(tensor.dtype(), values[i]);
            }
            ByteBuffer rounded = room(part.sizeBytes());
            HalfPrecision.encode(tensor.dtype(), values, 0, values.length, rounded);
            engine.write(part, rounded.flip());
        }
    }

    /** Value and low half of each weight. */
    private record Split(Engine engine, Tensor value, Tensor lowHalf) implements StoredNumbers {

        @Override
        public long size() {
            return value.elements();
        }

        @Override
        public void read(long from, ByteBuffer target) {
            int count = target.remaining() / Float.BYTES;
            ByteBuffer high = bytes(engine, value.rows(from, count));
            ByteBuffer low = bytes(engine, lowHalf.rows(from, count));
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
            engine.write(value.rows(from, values.length), high.flip());
            engine.write(lowHalf.rows(from, values.length), low.flip());
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
    private record Scaled(Engine engine, StateTensor state, boolean roots) implements StoredNumbers {

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
            float[] scales = floats(bytes(engine, part.scales()));
            ByteBuffer elements = bytes(engine, part.elements());
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
            engine.write(part.scales(), scales.flip());
            engine.write(part.elements(), elements.flip());
        }
    }
}
