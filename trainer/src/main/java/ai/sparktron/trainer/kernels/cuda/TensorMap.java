package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import org.bytedeco.cuda.cudart.CUtensorMap;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;

/**
 * How the copy engine of a device of compute capability 9.0 reads boxes of a matrix, or of several that follow each other, into shared memory: a parameter of kernels
 * ({@code groupedStream.cuh}). Boxes are 64 elements of 16 bits wide and lie there as the instructions of warpgroups want them; what is outside of a matrix is zeros. Has
 * native memory, which is written anew for each launch.
 */
final class TensorMap implements AutoCloseable {

    /** Elements of a row of a box: 128 bytes, which the instructions' swizzling is made for. */
    private static final int BOX_COLUMNS = 64;
    private static final int BYTES = 128;
    private static final int ALIGNMENT = 64;
    private static final int HALF_BYTES = 2;

    private final BytePointer memory = new BytePointer(BYTES + ALIGNMENT);
    private final CUtensorMap map = new CUtensorMap(new NativeAddress().at(alignedAddress(memory)));
    private final NativeAddress start = new NativeAddress();
    private final long[] sizes = new long[3];
    private final long[] strides = new long[2];
    private final int[] box = {BOX_COLUMNS, 1, 1};
    private final int[] steps = {1, 1, 1};

    /**
     * Boxes of `height` rows of a tensor's matrices.
     *
     * @param tensor   [matrices * rows, columns] in bfloat16 or float16; address and rows are aligned to 16 bytes
     * @param matrices one after the other
     * @return what a kernel is given
     * @throws CudaException when the driver refuses
     */
    Pointer of(Tensor tensor, int matrices, int height) {
        // The driver wants rows where there are none; no box of theirs is read.
        long rows = Math.max(1, tensor.rows() / matrices);
        long stride = tensor.rows() > 1 ? tensor.rowStride() : tensor.columns();
        sizes[0] = tensor.columns();
        sizes[1] = rows;
        sizes[2] = matrices;
        strides[0] = stride * HALF_BYTES;
        strides[1] = rows * stride * HALF_BYTES;
        box[1] = height;
        int type = tensor.dtype() == DType.BF16 ? cudart.CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 : cudart.CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
        CudaDevice.check(cudart.cuTensorMapEncodeTiled(map, type, sizes.length, start.at(tensor.address()), sizes, strides, box, steps, cudart.CU_TENSOR_MAP_INTERLEAVE_NONE,
                cudart.CU_TENSOR_MAP_SWIZZLE_128B, cudart.CU_TENSOR_MAP_L2_PROMOTION_L2_256B, cudart.CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
                "boxes of " + height + " rows of " + tensor);
        return map;
    }

    private static long alignedAddress(Pointer memory) {
        return (memory.address() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    @Override
    public void close() {
        memory.close();
    }
}
