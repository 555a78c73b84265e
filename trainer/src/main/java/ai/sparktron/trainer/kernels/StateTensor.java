package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.BlockScaled;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * One number per parameter of a flat range, as an optimizer keeps it.
 *
 * @param elements [n] of F32, BF16, F16, F8_E4M3, or I16 (low halves of float32 bits, see {@link AdamWTensors})
 * @param scales   float32 [ceil(n / 128)] of {@link BlockScaled} for F16 and F8_E4M3, otherwise null
 */
public record StateTensor(Tensor elements, Tensor scales) {

    private static final int CLEARED_BYTES = 1 << 24;

    public StateTensor {
        if (BlockScaled.has(elements.dtype()) != (scales != null)) {
            throw new IllegalStateException("state " + elements + " with scales " + scales + ": expected them for F16 and F8_E4M3 alone");
        }
    }

    /** Numbers of a type that has no scales. */
    public static StateTensor plain(Tensor elements) {
        return new StateTensor(elements, null);
    }

    /** Memory for n numbers, not yet written; {@link #clear} sets them to zero. */
    public static StateTensor allocate(Arena.Frame frame, String name, DType dtype, long n) {
        // Whole blocks, so that elements of any type fill whole 32-bit words, which is how they are cleared.
        Tensor elements = frame.tensor(name, dtype, Math.max(1, BlockScaled.scales(n)) * BlockScaled.BLOCK).rows(0, n);
        return new StateTensor(elements, BlockScaled.has(dtype) ? frame.tensor(name + " scales", DType.F32, Math.max(1, BlockScaled.scales(n))) : null);
    }

    /** All zeros; of an allocated state, not of a part of one. */
    public void clear(Kernels kernels) {
        long bytes = BlockScaled.scales(elements.elements()) * BlockScaled.BLOCK * elements.dtype().sizeBytes();
        if (bytes > 0) {
            kernels.fill(Tensor.of(elements.name(), DType.I32, Shape.of(bytes / Integer.BYTES), elements.storage(),
                    elements.address() - elements.storage().address()), 0);
        }
        if (scales != null) {
            kernels.fill(scales, 1);
        }
    }

    /** As the other, of a state in a memory that kernels do not reach. */
    public void clear(TensorAccess memory) {
        ByteBuffer zeros = ByteBuffer.allocateDirect(CLEARED_BYTES).order(ByteOrder.nativeOrder());
        long atATime = CLEARED_BYTES / elements.dtype().sizeBytes();
        for (long from = 0; from < elements.elements(); from += atATime) {
            long here = Math.min(atATime, elements.elements() - from);
            memory.write(elements.rows(from, here), zeros.clear().limit((int) (here * elements.dtype().sizeBytes())));
        }
        if (scales != null) {
            ByteBuffer ones = ByteBuffer.allocate(Math.toIntExact(scales.sizeBytes())).order(ByteOrder.nativeOrder());
            while (ones.hasRemaining()) {
                ones.putFloat(1);
            }
            memory.write(scales, ones.flip());
        }
    }

    /** A part that shares memory. Where there are scales it begins at a block. */
    public StateTensor rows(long from, long count) {
        if (scales == null) {
            return new StateTensor(elements.rows(from, count), null);
        }
        if (from % BlockScaled.BLOCK != 0) {
            throw new IllegalStateException("elements " + from + " on of " + elements + ": its scales are of " + BlockScaled.BLOCK + " elements each");
        }
        return new StateTensor(elements.rows(from, count), scales.rows(from / BlockScaled.BLOCK, BlockScaled.scales(count)));
    }

    /** Bytes of elements and scales. */
    public long sizeBytes() {
        return elements.sizeBytes() + (scales == null ? 0 : scales.sizeBytes());
    }
}
