package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;

/**
 * One function on the device, with a block of native memory for its arguments that every launch reuses, so that launches allocate nothing. Arguments are given
 * in the order of the function's parameters, then {@link #launch}. Used by the device's thread.
 */
public final class Kernel {

    private static final int MOST_ARGUMENTS = 64;
    private static final int SLOT_BYTES = 8;

    /** What a block may have without asking for more. */
    private static final int DEFAULT_SHARED_BYTES = 48 * 1024;

    private final CudaDevice device;
    private final String name;
    private final CUfunc_st function;
    private final BytePointer block = new BytePointer((long) MOST_ARGUMENTS * SLOT_BYTES);
    private final PointerPointer<Pointer> slots = new PointerPointer<>(MOST_ARGUMENTS);
    private final PointerPointer<Pointer> extra = null;
    private final ByteBuffer arguments;
    private int count;
    private int sharedLimit = DEFAULT_SHARED_BYTES;

    Kernel(CudaDevice device, String name, CUfunc_st function) {
        this.device = device;
        this.name = name;
        this.function = function;
        this.arguments = block.asByteBuffer().order(ByteOrder.nativeOrder());
        for (int i = 0; i < MOST_ARGUMENTS; i++) {
            slots.put(i, block.getPointer(BytePointer.class, (long) i * SLOT_BYTES));
        }
    }

    /** Address of a tensor's first element. */
    public Kernel pointer(Tensor tensor) {
        return longInteger(tensor.address());
    }

    /** An address on the device; 0 for none. */
    public Kernel pointer(long address) {
        return longInteger(address);
    }

    /** A tensor's address and the elements from row to row. */
    public Kernel matrix(Tensor tensor) {
        return pointer(tensor).longInteger(tensor.rowStride());
    }

    /** As {@link #matrix}; address and stride 0 for null. */
    public Kernel matrixOrNone(Tensor tensor) {
        return tensor == null ? pointer(0).longInteger(0) : matrix(tensor);
    }

    /** As {@link #pointer(Tensor)}; 0 for null. */
    public Kernel pointerOrNone(Tensor tensor) {
        return pointer(tensor == null ? 0 : tensor.address());
    }

    public Kernel integer(int value) {
        arguments.putInt(next(), value);
        return this;
    }

    public Kernel longInteger(long value) {
        arguments.putLong(next(), value);
        return this;
    }

    /** A parameter of type float. */
    public Kernel real(float value) {
        arguments.putFloat(next(), value);
        return this;
    }

    /** A parameter of type double. */
    public Kernel real64(double value) {
        arguments.putDouble(next(), value);
        return this;
    }

    /** A structure of its own size, which is read when the function is launched; the kernel keeps the address. */
    Kernel structure(Pointer value) {
        slots.put(next() / SLOT_BYTES, value);
        return this;
    }

    private int next() {
        if (count == MOST_ARGUMENTS) {
            count = 0;
            throw new IllegalStateException("more than " + MOST_ARGUMENTS + " arguments for " + name);
        }
        return SLOT_BYTES * count++;
    }

    /**
     * Enqueues the function on the device's stream and returns. A grid without blocks enqueues nothing.
     *
     * @param sharedBytes dynamic shared memory of a block
     * @throws CudaException when the device refuses the launch
     */
    public void launch(int gridX, int gridY, int gridZ, int threads, int sharedBytes) {
        count = 0;
        if (gridX == 0 || gridY == 0 || gridZ == 0) {
            return;
        }
        if (sharedBytes > sharedLimit) {
            raiseSharedLimit(sharedBytes);
        }
        int result = cudart.cuLaunchKernel(function, gridX, gridY, gridZ, threads, 1, 1, sharedBytes, device.stream(), slots, extra);
        if (result != cudart.CUDA_SUCCESS) {
            CudaDevice.check(result, "launch of " + name + ", grid " + gridX + " x " + gridY + " x " + gridZ + ", " + threads + " threads, " + sharedBytes
                    + " bytes of shared memory");
        }
    }

    private void raiseSharedLimit(int bytes) {
        if (bytes > device.sharedMemoryBytes()) {
            throw new CudaException(name + " asks for " + bytes + " bytes of shared memory a block; " + device.name() + " has " + device.sharedMemoryBytes());
        }
        CudaDevice.check(cudart.cuFuncSetAttribute(function, cudart.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes),
                "more shared memory for " + name);
        sharedLimit = bytes;
    }

    void close() {
        slots.close();
        block.close();
    }
}
