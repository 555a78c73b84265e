package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.kernels.StateTensor;
import ai.sparktron.trainer.tensor.BlockScaled;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Float8;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A window of an optimizer's state as float32 numbers, whatever its type. Chunks begin at whole blocks of scales. */
interface HostState {

    /** Reads {@code count} numbers from {@code from} on. */
    void load(int from, int count, float[] target);

    /** Writes them, rounded. */
    void store(int from, int count, float[] source);

    /** @param secondMoment whether F8_E4M3 holds roots */
    static HostState of(StateTensor state, boolean secondMoment) {
        if (state.scales() == null) {
            HostRows rows = HostRows.of(state.elements());
            return new HostState() {
                @Override
                public void load(int from, int count, float[] target) {
                    rows.load(0, from, count, target);
                }

                @Override
                public void store(int from, int count, float[] source) {
                    rows.store(0, from, count, source);
                }
            };
        }
        return new Scaled(state, secondMoment && state.elements().dtype() == DType.F8_E4M3);
    }

    /** Blocks with scales; see {@link BlockScaled}. */
    final class Scaled implements HostState {
        private final DType dtype;
        private final ByteBuffer elements;
        private final HostRows scales;
        private final boolean roots;

        private Scaled(StateTensor state, boolean roots) {
            this.dtype = state.elements().dtype();
            this.elements = bytes(state.elements());
            this.scales = HostRows.of(state.scales());
            this.roots = roots;
        }

        static ByteBuffer bytes(Tensor tensor) {
            return ((ByteBuffer) tensor.view()).duplicate().order(ByteOrder.nativeOrder());
        }

        @Override
        public void load(int from, int count, float[] target) {
            elements.position(from * dtype.sizeBytes());
            for (int done = 0; done < count; done += BlockScaled.BLOCK) {
                int block = Math.min(BlockScaled.BLOCK, count - done);
                BlockScaled.decode(dtype, scales.get(0, (from + done) / BlockScaled.BLOCK), elements, target, done, block);
            }
            for (int i = 0; roots && i < count; i++) {
                target[i] *= target[i];
            }
        }

        @Override
        public void store(int from, int count, float[] source) {
            elements.position(from * dtype.sizeBytes());
            for (int i = 0; roots && i < count; i++) {
                source[i] = (float) Math.sqrt(source[i]);
            }
            for (int done = 0; done < count; done += BlockScaled.BLOCK) {
                int block = Math.min(BlockScaled.BLOCK, count - done);
                float scale = BlockScaled.scale(dtype, source, done, block);
                scales.set(0, (from + done) / BlockScaled.BLOCK, scale);
                for (int i = done; roots && i < done + block; i++) {
                    source[i] = source[i] > 0 ? Math.max(source[i], Float8.SMALLEST_E4M3 * scale) : source[i];
                }
                BlockScaled.encode(dtype, scale, source, done, block, elements);
            }
        }
    }
}
