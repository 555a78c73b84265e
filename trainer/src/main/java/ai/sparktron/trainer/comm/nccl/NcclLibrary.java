package ai.sparktron.trainer.comm.nccl;

import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.kernels.NativeLibraries;
import ai.sparktron.trainer.tensor.DType;
import java.util.Optional;
import java.util.function.Supplier;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.nccl;
import org.bytedeco.cuda.nccl.ncclComm;
import org.bytedeco.cuda.nccl.ncclUniqueId;
import org.bytedeco.javacpp.BytePointer;

/** The way into NCCL: loading, versions, error texts, and the words for types and reductions. */
final class NcclLibrary {

    private NcclLibrary() {
    }

    /**
     * Loads the library; later calls do nothing.
     *
     * @return its version, such as 2.28.9
     * @throws NcclException when it is not there, saying where it was looked for
     */
    static String load() {
        try {
            NativeLibraries.load(cudart.class);
            NativeLibraries.load(nccl.class);
        } catch (LinkageError missing) {
            throw new NcclException("cannot load NCCL (libnccl.so.2, with libcudart.so.13 and the driver's libcuda.so.1): " + missing.getMessage()
                    + ". Looked on LD_LIBRARY_PATH (" + Optional.ofNullable(System.getenv("LD_LIBRARY_PATH")).orElse("not set")
                    + ") and in the system's library folders; install NCCL 2.18 or later for CUDA 13 (package libnccl2, or pip's nvidia-nccl-cu13) and put its folder"
                    + " on LD_LIBRARY_PATH of the executors", missing);
        }
        int[] version = new int[1];
        check(nccl.ncclGetVersion(version), () -> "ncclGetVersion");
        return version[0] / 10_000 + "." + version[0] / 100 % 100 + "." + version[0] % 100;
    }

    /** A fresh id, by which the members of one communicator find each other. */
    static byte[] uniqueId() {
        try (ncclUniqueId id = new ncclUniqueId()) {
            check(nccl.ncclGetUniqueId(id), () -> "ncclGetUniqueId");
            byte[] bytes = new byte[nccl.NCCL_UNIQUE_ID_BYTES];
            new BytePointer(id).capacity(bytes.length).get(bytes);
            return bytes;
        }
    }

    /**
     * Joins a communicator; returns when all members have. The calling thread's current device must be the rank's.
     *
     * @param what for the message
     */
    static ncclComm join(byte[] uniqueId, int size, int rank, String what) {
        try (ncclUniqueId id = new ncclUniqueId()) {
            new BytePointer(id).capacity(uniqueId.length).put(uniqueId);
            ncclComm communicator = new ncclComm();
            check(nccl.ncclCommInitRank(communicator, size, id, rank), () -> what);
            return communicator;
        }
    }

    /**
     * @param result what an NCCL call answered
     * @throws NcclException when it is an error, with NCCL's own words and what to do
     */
    static void check(int result, Supplier<String> what) {
        if (result != nccl.ncclSuccess && result != nccl.ncclInProgress) {
            throw new NcclException(what.get() + ": " + text(nccl.ncclGetErrorString(result)) + " (" + result + "). NCCL says: "
                    + text(nccl.ncclGetLastError(null)) + advice(result));
        }
    }

    private static String advice(int result) {
        return switch (result) {
            case nccl.ncclInvalidUsage -> ". If it is a duplicate GPU: two ranks of this group use one device of one host. Give each rank its own GPU (Spark's"
                    + " spark.task.resource.gpu.amount=1); to try out several ranks on one GPU start each as a process with another value of NCCL_HOSTID and with"
                    + " NCCL_SOCKET_IFNAME=lo";
            case nccl.ncclSystemError, nccl.ncclRemoteError -> ". A peer may be gone, or hosts cannot reach each other on the interface that NCCL chose: set"
                    + " NCCL_SOCKET_IFNAME, and look with NCCL_DEBUG=INFO";
            case nccl.ncclUnhandledCudaError -> ". The device may be out of memory, or an earlier kernel failed; look with NCCL_DEBUG=INFO";
            default -> "; look with NCCL_DEBUG=INFO";
        };
    }

    /** @throws NcclException when a call of the CUDA runtime failed */
    static void checkCuda(int error, String what) {
        if (error != cudart.cudaSuccess) {
            throw new NcclException(what + ": " + text(cudart.cudaGetErrorString(error)) + " (" + text(cudart.cudaGetErrorName(error)) + ")");
        }
    }

    private static String text(BytePointer pointer) {
        return pointer == null || pointer.isNull() ? "nothing" : pointer.getString();
    }

    /** NCCL's number for a type; elements that are only moved count as others of their size. */
    static int type(DType dtype) {
        return switch (dtype) {
            case F64 -> nccl.ncclFloat64;
            case F32 -> nccl.ncclFloat32;
            case BF16 -> nccl.ncclBfloat16;
            case F16, I16 -> nccl.ncclFloat16;
            case I64 -> nccl.ncclInt64;
            case I32 -> nccl.ncclInt32;
            case F8_E4M3, F8_E5M2, U8, BOOL -> nccl.ncclUint8;
        };
    }

    static boolean reduces(DType dtype) {
        return switch (dtype) {
            case F64, F32, BF16, F16, I64, I32 -> true;
            case F8_E4M3, F8_E5M2, I16, U8, BOOL -> false;
        };
    }

    static int operation(Reduction reduction) {
        return switch (reduction) {
            case SUM -> nccl.ncclSum;
            case MAX -> nccl.ncclMax;
        };
    }
}
