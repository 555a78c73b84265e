package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.DeviceStreams;
import java.nio.charset.StandardCharsets;
import org.bytedeco.cuda.cudart.CUctx_st;
import org.bytedeco.cuda.cudart.CUgraph_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerPointer;

/**
 * One GPU of this process and the stream that its kernels are enqueued on. Its context is the device's primary one, which the runtime, cuBLAS, cuDNN and NCCL
 * share. Owned by one thread, whose current context it is from {@link #open} on.
 */
public final class CudaDevice implements DeviceStreams, AutoCloseable {

    /** Oldest compute capability with bfloat16: Ampere. */
    private static final int OLDEST_CAPABILITY = 80;

    /** CUDA 13.0, as the driver counts it. */
    private static final int OLDEST_DRIVER = 13_000;

    private static final int NAME_BYTES = 256;

    private final int ordinal;
    private final int handle;
    private final String name;
    private final int capability;
    private final int multiprocessors;
    private final int sharedMemoryBytes;
    private final CUctx_st context;
    private final CUstream_st stream;
    private boolean recording;
    private boolean closed;

    private CudaDevice(int ordinal, int handle, String name, int capability, CUctx_st context, CUstream_st stream) {
        this.ordinal = ordinal;
        this.handle = handle;
        this.name = name;
        this.capability = capability;
        this.multiprocessors = attribute(handle, cudart.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
        this.sharedMemoryBytes = attribute(handle, cudart.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
        this.context = context;
        this.stream = stream;
    }

    /**
     * Opens a GPU for the calling thread.
     *
     * @param ordinal as this process counts devices, which CUDA_VISIBLE_DEVICES changes
     * @throws CudaException no driver, a driver that is too old, no such device, or one that is not supported: which, and what to do
     */
    public static CudaDevice open(int ordinal) {
        CudaLibrary.RUNTIME.load();
        check(cudart.cuInit(0), "cuInit (is there an NVIDIA GPU, and is it given to this container or job?)");
        checkDriver();
        int handle = find(ordinal);
        String name = name(handle);
        int capability = 10 * attribute(handle, cudart.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
                + attribute(handle, cudart.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
        if (capability < OLDEST_CAPABILITY) {
            throw new CudaException("GPU " + ordinal + " (" + name + ") has compute capability " + capability / 10 + "." + capability % 10
                    + "; expected 8.0 (Ampere) or later. Use another GPU, or the CPU engine (--engine nd4j)");
        }
        CUctx_st context = new CUctx_st();
        check(cudart.cuDevicePrimaryCtxRetain(context, handle), "cuDevicePrimaryCtxRetain of GPU " + ordinal);
        try {
            check(cudart.cuCtxSetCurrent(context), "cuCtxSetCurrent");
            CUstream_st stream = new CUstream_st();
            check(cudart.cuStreamCreate(stream, cudart.CU_STREAM_NON_BLOCKING), "cuStreamCreate");
            return new CudaDevice(ordinal, handle, name, capability, context, stream);
        } catch (CudaException e) {
            cudart.cuDevicePrimaryCtxRelease(handle);
            throw e;
        }
    }

    private static void checkDriver() {
        int[] version = new int[1];
        check(cudart.cuDriverGetVersion(version), "cuDriverGetVersion");
        if (version[0] < OLDEST_DRIVER) {
            throw new CudaException("the NVIDIA driver of this host is for CUDA " + version[0] / 1000 + "." + version[0] % 1000 / 10
                    + "; expected 13.0 or later: install a driver of branch 580 or later");
        }
    }

    private static int find(int ordinal) {
        int[] count = new int[1];
        check(cudart.cuDeviceGetCount(count), "cuDeviceGetCount");
        if (ordinal < 0 || ordinal >= count[0]) {
            String visible = System.getenv("CUDA_VISIBLE_DEVICES");
            throw new CudaException("no GPU " + ordinal + ": this process sees " + count[0] + ", counted from 0 (CUDA_VISIBLE_DEVICES is "
                    + (visible == null ? "not set" : visible) + "); start no more ranks on a host than it has GPUs, or give the process more");
        }
        int[] handle = new int[1];
        check(cudart.cuDeviceGet(handle, ordinal), "cuDeviceGet");
        return handle[0];
    }

    private static String name(int handle) {
        byte[] text = new byte[NAME_BYTES];
        check(cudart.cuDeviceGetName(text, text.length, handle), "cuDeviceGetName");
        int length = 0;
        while (length < text.length && text[length] != 0) {
            length++;
        }
        return new String(text, 0, length, StandardCharsets.UTF_8);
    }

    private static int attribute(int handle, int which) {
        int[] value = new int[1];
        check(cudart.cuDeviceGetAttribute(value, which, handle), "cuDeviceGetAttribute " + which);
        return value[0];
    }

    /** @throws CudaException when a call of the driver failed, with CUDA's name and words for it */
    static void check(int result, String what) {
        if (result != cudart.CUDA_SUCCESS) {
            String message = what + ": " + text(result, true) + " (" + result + "), " + text(result, false);
            throw CudaFatalException.isFatal(result) ? new CudaFatalException(message + "; the cause lies in a kernel that ran before, and this process"
                    + " cannot use the device any more") : new CudaException(message);
        }
    }

    private static String text(int result, boolean nameOnly) {
        try (PointerPointer<BytePointer> text = new PointerPointer<>(1)) {
            text.put(0, (BytePointer) null);
            int found = nameOnly ? cudart.cuGetErrorName(result, text) : cudart.cuGetErrorString(result, text);
            BytePointer words = found == cudart.CUDA_SUCCESS ? text.get(BytePointer.class, 0) : null;
            return words == null ? "an error that this driver has no words for" : words.getString();
        }
    }

    /** Makes this device the calling thread's current one. */
    public void makeCurrent() {
        check(cudart.cuCtxSetCurrent(context), "cuCtxSetCurrent");
    }

    @Override
    public int device() {
        return ordinal;
    }

    @Override
    public long compute() {
        return stream.address();
    }

    /** What the device calls itself. */
    public String name() {
        return name;
    }

    /** Compute capability without the point: 90 for Hopper. */
    public int capability() {
        return capability;
    }

    /** Streaming multiprocessors. */
    public int multiprocessors() {
        return multiprocessors;
    }

    /** Most bytes of shared memory that a block may have when its kernel asks for them. */
    public int sharedMemoryBytes() {
        return sharedMemoryBytes;
    }

    /** Whether addresses and the memory behind them can be had apart. */
    boolean mapsMemory() {
        return attribute(handle, cudart.CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED) != 0;
    }

    CUstream_st stream() {
        return stream;
    }

    /** From here on launches of this thread are recorded instead of enqueued. */
    void beginRecording() {
        check(cudart.cuStreamBeginCapture(stream, cudart.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL), "cuStreamBeginCapture");
        recording = true;
    }

    /** @param graph takes what was recorded, or stays null. @return CUDA's result, which is the first error of a call that cannot be recorded */
    int endRecording(CUgraph_st graph) {
        recording = false;
        return cudart.cuStreamEndCapture(stream, graph);
    }

    /** @throws NotRecordableException when launches are being recorded */
    void requireNotRecording(String what) {
        if (recording) {
            throw new NotRecordableException(what);
        }
    }

    /** Waits for all that was enqueued; throws what went wrong on the device since the last wait. */
    public void synchronize() {
        requireNotRecording("waiting for the device");
        check(cudart.cuStreamSynchronize(stream), "waiting for the work on GPU " + ordinal);
    }

    /** Destroys the stream and lets go of the context; also after a failure on the device, whose error is not reported again here. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        cudart.cuCtxSetCurrent(context);
        cudart.cuStreamSynchronize(stream);
        cudart.cuStreamDestroy(stream);
        cudart.cuDevicePrimaryCtxRelease(handle);
    }
}
