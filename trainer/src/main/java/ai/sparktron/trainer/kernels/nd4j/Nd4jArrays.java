package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Tensors as ND4J arrays over the same memory. A block is one buffer of floats; tensors of other types are read and written as the 32-bit words they lie
 * in, by way of the host, so that nothing but ND4J's own interface is needed and any of its backends can hold the memory.
 */
final class Nd4jArrays {

    private static final int WORD_BYTES = Float.BYTES;

    private Nd4jArrays() {
    }

    /** A float32 tensor as a matrix [rows, columns]. */
    static INDArray of(Tensor tensor) {
        return columns(tensor, 0, tensor.columns(), 1);
    }

    /** Every {@code step}-th column of a float32 tensor, {@code count} of them from {@code first} on. */
    static INDArray columns(Tensor tensor, long first, long count, long step) {
        return block(tensor, 0, tensor.rows(), first, count, step);
    }

    /** Rows and columns of a float32 tensor. */
    static INDArray block(Tensor tensor, long firstRow, long rows, long firstColumn, long columns, long step) {
        HostStorage storage = (HostStorage) tensor.storage();
        long start = (tensor.address() - storage.address() + storage.paddingBytes()) / WORD_BYTES + firstRow * tensor.rowStride() + firstColumn;
        return Nd4j.create(storage.buffer(), new long[] {rows, columns}, new long[] {tensor.rowStride(), step}, start, 'c');
    }

    /** The words that hold a contiguous range of bytes of a block, as a vector. */
    private static INDArray words(HostStorage storage, long firstWord, long count) {
        return Nd4j.create(storage.buffer(), new long[] {count}, new long[] {1}, firstWord + storage.paddingBytes() / WORD_BYTES, 'c');
    }

    /** Bytes of a block on the host, little-endian. */
    static byte[] read(HostStorage storage, long byteOffset, int bytes) {
        byte[] result = new byte[bytes];
        if (bytes == 0) {
            return result;
        }
        long firstWord = byteOffset / WORD_BYTES;
        float[] words = words(storage, firstWord, lastWord(byteOffset, bytes) - firstWord + 1).dup().data().asFloat();
        for (int i = 0; i < bytes; i++) {
            int within = (int) (byteOffset - firstWord * WORD_BYTES) + i;
            result[i] = (byte) (Float.floatToRawIntBits(words[within / WORD_BYTES]) >>> (8 * (within % WORD_BYTES)));
        }
        return result;
    }

    /** Writes bytes into a block; the words at both ends keep what else they hold. */
    static void write(HostStorage storage, long byteOffset, byte[] bytes) {
        if (bytes.length == 0) {
            return;
        }
        long firstWord = byteOffset / WORD_BYTES;
        INDArray target = words(storage, firstWord, lastWord(byteOffset, bytes.length) - firstWord + 1);
        float[] words = target.dup().data().asFloat();
        for (int i = 0; i < bytes.length; i++) {
            int within = (int) (byteOffset - firstWord * WORD_BYTES) + i;
            int shift = 8 * (within % WORD_BYTES);
            int word = Float.floatToRawIntBits(words[within / WORD_BYTES]);
            words[within / WORD_BYTES] = Float.intBitsToFloat(word & ~(0xff << shift) | (bytes[i] & 0xff) << shift);
        }
        target.assign(Nd4j.createFromArray(words));
    }

    private static long lastWord(long byteOffset, int bytes) {
        return (byteOffset + bytes - 1) / WORD_BYTES;
    }

    /** Bytes of one row of a tensor of any type. */
    static byte[] readRow(Tensor tensor, long row) {
        return read((HostStorage) tensor.storage(), offset(tensor, row), Math.toIntExact(tensor.columns() * tensor.dtype().sizeBytes()));
    }

    /** Writes one row of a tensor of any type. */
    static void writeRow(Tensor tensor, long row, byte[] bytes) {
        write((HostStorage) tensor.storage(), offset(tensor, row), bytes);
    }

    private static long offset(Tensor tensor, long row) {
        return tensor.address() - tensor.storage().address() + row * tensor.rowStride() * tensor.dtype().sizeBytes();
    }

    /** The numbers of an I32 vector. */
    static int[] ints(Tensor tensor) {
        if (tensor.dtype() != DType.I32) {
            throw new IllegalStateException(tensor + ": expected I32");
        }
        int[] values = new int[Math.toIntExact(tensor.elements())];
        java.nio.ByteBuffer.wrap(readRow(tensor, 0)).order(java.nio.ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(values);
        return values;
    }
}
