package ai.sparktron.trainer.kernels.cuda;

import java.util.Set;
import org.bytedeco.cuda.global.cudart;

/**
 * The device's context is broken, by an access outside of memory or a fault of the hardware: nothing on this device works any more in this process, which has to
 * end. CUDA reports such errors late, at a call that has nothing to do with their cause.
 */
public final class CudaFatalException extends CudaException {
    private static final long serialVersionUID = 1L;

    private static final Set<Integer> CODES = Set.of(cudart.CUDA_ERROR_ILLEGAL_ADDRESS, cudart.CUDA_ERROR_LAUNCH_FAILED, cudart.CUDA_ERROR_LAUNCH_TIMEOUT,
            cudart.CUDA_ERROR_HARDWARE_STACK_ERROR, cudart.CUDA_ERROR_ILLEGAL_INSTRUCTION, cudart.CUDA_ERROR_MISALIGNED_ADDRESS,
            cudart.CUDA_ERROR_INVALID_ADDRESS_SPACE, cudart.CUDA_ERROR_INVALID_PC, cudart.CUDA_ERROR_ASSERT, cudart.CUDA_ERROR_ECC_UNCORRECTABLE,
            cudart.CUDA_ERROR_NVLINK_UNCORRECTABLE, cudart.CUDA_ERROR_EXTERNAL_DEVICE);

    CudaFatalException(String message) {
        super(message);
    }

    /** Whether an error of the driver leaves the context useless. */
    static boolean isFatal(int result) {
        return CODES.contains(result);
    }
}
