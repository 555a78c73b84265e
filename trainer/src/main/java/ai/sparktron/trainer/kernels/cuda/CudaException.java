package ai.sparktron.trainer.kernels.cuda;

/** A library of CUDA is missing, there is no such device, or the device or a library refused a call. */
public class CudaException extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    public CudaException(String message, Throwable cause) {
        super(message, cause);
    }

    public CudaException(String message) {
        super(message);
    }
}
