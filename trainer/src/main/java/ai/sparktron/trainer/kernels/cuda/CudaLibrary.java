package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.NativeLibraries;
import java.util.Optional;

/** The host's libraries of CUDA, in the order in which an engine loads them. A missing one is an error, never a reason to use another engine. */
public enum CudaLibrary {
    RUNTIME("org.bytedeco.cuda.global.cudart", "the driver's libcuda.so.1 and the CUDA runtime's libcudart.so.13",
            "an NVIDIA driver of branch 580 or later and the CUDA 13 runtime (package cuda-cudart-13-0, or pip's nvidia-cuda-runtime)"),
    NVRTC("org.bytedeco.cuda.global.nvrtc", "NVRTC's libnvrtc.so.13", "NVRTC for CUDA 13 (package cuda-nvrtc-13-0, or pip's nvidia-cuda-nvrtc)"),
    CUBLAS("org.bytedeco.cuda.global.cublas", "cuBLAS' libcublas.so.13 and libcublasLt.so.13",
            "cuBLAS for CUDA 13 (package libcublas-13-0, or pip's nvidia-cublas)"),
    CUDNN("org.bytedeco.cuda.global.cudnn", "cuDNN's libcudnn_graph.so.9 with its siblings", "cuDNN 9 for CUDA 13 (package cudnn9-cuda-13, or pip's nvidia-cudnn-cu13)");

    private final String binding;
    private final String files;
    private final String remedy;

    /** Why it could not be loaded the first time: later the JVM only says that it could not. */
    private String failure;

    CudaLibrary(String binding, String files, String remedy) {
        this.binding = binding;
        this.files = files;
        this.remedy = remedy;
    }

    /**
     * Loads the library and those it needs; later calls do nothing.
     *
     * @throws CudaException when it is not there: what is missing, where it was looked for and what to install
     */
    synchronized void load() {
        if (this != RUNTIME) {
            RUNTIME.load();
        }
        if (failure != null) {
            throw new CudaException(failure);
        }
        try {
            NativeLibraries.load(Class.forName(binding, false, CudaLibrary.class.getClassLoader()));
        } catch (LinkageError | ClassNotFoundException missing) {
            failure = "cannot load " + files + ": " + reason(missing) + ". Looked on LD_LIBRARY_PATH ("
                    + Optional.ofNullable(System.getenv("LD_LIBRARY_PATH")).orElse("not set") + "), on java.library.path ("
                    + System.getProperty("java.library.path") + ") and in the system's library folders. Install " + remedy
                    + " and put its folder on LD_LIBRARY_PATH before the process starts (Spark: spark.executorEnv.LD_LIBRARY_PATH)";
            throw new CudaException(failure, missing);
        }
    }

    /** The dynamic linker's own words, which name the file; JavaCPP hides them under others. */
    private static String reason(Throwable error) {
        Throwable deepest = error;
        while (deepest.getCause() != null) {
            deepest = deepest.getCause();
        }
        return deepest.getMessage();
    }
}
