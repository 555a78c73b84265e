package ai.sparktron.trainer.kernels.cuda;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;

/** One source, compiled for one device with given defines. Used by the device's thread; closed before the device. */
public final class KernelModule implements AutoCloseable {

    private final CudaDevice device;
    private final String name;
    private final CUmod_st module = new CUmod_st();
    private final Map<String, Kernel> kernels = new HashMap<>();
    private boolean closed;

    /**
     * Compiles or finds, and loads.
     *
     * @param resource source beside these classes, such as {@code elementwise.cu}; {@code types.cuh} is put before it
     * @param defines  such as {@code LANES=4}
     * @throws CudaException when the source does not compile, with the compiler's log, or the device refuses it
     */
    public KernelModule(CudaDevice device, CubinCache cache, String resource, List<String> defines) {
        this(device, cache, resource, KernelCompiler.source("types.cuh") + "\n#line 1\n" + KernelCompiler.source(resource), defines);
    }

    /** As above, from a text that is whole. */
    KernelModule(CudaDevice device, CubinCache cache, String name, String source, List<String> defines) {
        this.device = device;
        this.name = name + " " + defines;
        device.requireNotRecording("loading " + this.name);
        byte[] cubin = cache.get(name, source, device.capability(), defines);
        try (BytePointer code = new BytePointer(cubin)) {
            CudaDevice.check(cudart.cuModuleLoadData(module, code), "cuModuleLoadData of " + this.name);
        }
    }

    /**
     * A function of the source, which must be {@code extern "C"}; the same object at every call.
     *
     * @throws CudaException when there is none of that name
     */
    public Kernel kernel(String function) {
        return kernels.computeIfAbsent(function, f -> {
            CUfunc_st handle = new CUfunc_st();
            CudaDevice.check(cudart.cuModuleGetFunction(handle, module, f), "kernel " + f + " of " + name);
            return new Kernel(device, f + " of " + name, handle);
        });
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            kernels.values().forEach(Kernel::close);
            cudart.cuModuleUnload(module);
        }
    }
}
