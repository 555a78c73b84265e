package ai.sparktron.trainer.kernels.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.global.nvrtc;
import org.bytedeco.cuda.nvrtc._nvrtcProgram;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;

/**
 * CUDA C++ to machine code by NVRTC. Needs no GPU and no toolkit headers. JavaCPP's binding wants the files of the driver (libcuda.so.1) and the runtime to be
 * there all the same; on a host without a driver the toolkit's stub of it, put on LD_LIBRARY_PATH under that name, is enough.
 */
public final class KernelCompiler {

    private static final int HOPPER = 90;

    private KernelCompiler() {
    }

    /**
     * Text of a source beside these classes.
     *
     * @param resource file name such as {@code elementwise.cu}
     * @throws CudaException when there is none, or it cannot be read
     */
    public static String source(String resource) {
        try (InputStream in = KernelCompiler.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new CudaException("no kernel source " + resource + " beside " + KernelCompiler.class.getName() + ": the jar is not complete");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new CudaException("cannot read kernel source " + resource + ": " + e.getMessage(), e);
        }
    }

    /** Version of NVRTC, such as 13.0; loads it. */
    public static String version() {
        CudaLibrary.NVRTC.load();
        int[] major = new int[1];
        int[] minor = new int[1];
        check(nvrtc.nvrtcVersion(major, minor), "nvrtcVersion");
        return major[0] + "." + minor[0];
    }

    /**
     * Compiles one source.
     *
     * @param name       for messages
     * @param source     all of it: nothing is included from disk
     * @param capability compute capability without the point, such as 90
     * @param defines    such as {@code W=4}
     * @return machine code (cubin) for that capability
     * @throws CudaException with the compiler's log, when it does not compile
     */
    public static byte[] compile(String name, String source, int capability, List<String> defines) {
        CudaLibrary.NVRTC.load();
        PointerPointer<Pointer> handle = new PointerPointer<>(1);
        try (handle) {
            check(nvrtc.nvrtcCreateProgram(handle, source, name, 0, (BytePointer) null, null), "nvrtcCreateProgram of " + name);
            try (_nvrtcProgram program = new _nvrtcProgram(handle.get())) {
                return compile(program, name, capability, defines);
            } finally {
                nvrtc.nvrtcDestroyProgram(handle);
            }
        }
    }

    private static byte[] compile(_nvrtcProgram program, String name, int capability, List<String> defines) {
        List<String> all = new ArrayList<>(List.of("--gpu-architecture=" + architecture(capability), "--std=c++17", "--device-as-default-execution-space"));
        defines.forEach(define -> all.add("-D" + define));
        String[] options = all.toArray(String[]::new);
        try (PointerPointer<BytePointer> texts = new PointerPointer<>(options)) {
            int result = nvrtc.nvrtcCompileProgram(program, options.length, texts);
            if (result != nvrtc.NVRTC_SUCCESS) {
                throw new CudaException("kernel source " + name + " does not compile with NVRTC " + version() + " and " + String.join(" ", options) + ": "
                        + nvrtc.nvrtcGetErrorString(result).getString() + "\n" + log(program));
            }
        }
        try (SizeTPointer size = new SizeTPointer(1)) {
            check(nvrtc.nvrtcGetCUBINSize(program, size), "nvrtcGetCUBINSize of " + name);
            byte[] cubin = new byte[Math.toIntExact(size.get())];
            check(nvrtc.nvrtcGetCUBIN(program, cubin), "nvrtcGetCUBIN of " + name);
            return cubin;
        }
    }

    /** Hopper's instructions for warpgroups are only in the form of its architecture that runs nowhere else. */
    private static String architecture(int capability) {
        return capability == HOPPER ? "sm_90a" : "sm_" + capability;
    }

    private static String log(_nvrtcProgram program) {
        try (SizeTPointer size = new SizeTPointer(1)) {
            check(nvrtc.nvrtcGetProgramLogSize(program, size), "nvrtcGetProgramLogSize");
            byte[] text = new byte[Math.toIntExact(size.get())];
            check(nvrtc.nvrtcGetProgramLog(program, text), "nvrtcGetProgramLog");
            return new String(text, 0, Math.max(0, text.length - 1), StandardCharsets.UTF_8);
        }
    }

    private static void check(int result, String what) {
        if (result != nvrtc.NVRTC_SUCCESS) {
            throw new CudaException(what + ": " + nvrtc.nvrtcGetErrorString(result).getString() + " (" + result + ")");
        }
    }
}
