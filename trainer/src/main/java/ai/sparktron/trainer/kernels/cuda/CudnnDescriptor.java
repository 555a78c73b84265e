package ai.sparktron.trainer.kernels.cuda;

import java.nio.charset.StandardCharsets;
import org.bytedeco.cuda.cudnn.cudnnBackendDescriptor_t;
import org.bytedeco.cuda.global.cudnn;
import org.bytedeco.javacpp.BoolPointer;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * One descriptor of cuDNN's graph interface: made, given its attributes, finalized, then used by others. Whoever made it closes it, after all that refer to it.
 */
final class CudnnDescriptor implements AutoCloseable {

    private static final int MESSAGE_BYTES = 1024;

    private final cudnnBackendDescriptor_t handle = new cudnnBackendDescriptor_t();
    private final String what;

    /**
     * @param kind one of cuDNN's CUDNN_BACKEND_..._DESCRIPTOR
     * @param what for messages
     */
    CudnnDescriptor(int kind, String what) {
        this.what = what;
        check(cudnn.cudnnBackendCreateDescriptor(kind, handle), "making " + what);
    }

    /** @throws CudaException with cuDNN's name of the status and its last words, when a call failed */
    static void check(int status, String what) {
        if (status != cudnn.CUDNN_STATUS_SUCCESS) {
            throw new CudaException("cuDNN " + cudnn.cudnnGetVersion() + ", " + what + ": " + cudnn.cudnnGetErrorString(status).getString() + " (" + status + "), "
                    + lastMessage());
        }
    }

    private static String lastMessage() {
        byte[] text = new byte[MESSAGE_BYTES];
        cudnn.cudnnGetLastErrorString(text, text.length);
        int length = 0;
        while (length < text.length && text[length] != 0) {
            length++;
        }
        return length == 0 ? "without a message" : new String(text, 0, length, StandardCharsets.UTF_8).strip();
    }

    cudnnBackendDescriptor_t handle() {
        return handle;
    }

    private CudnnDescriptor set(int attribute, int type, long count, Pointer values) {
        check(cudnn.cudnnBackendSetAttribute(handle, attribute, type, count, values), "attribute " + attribute + " of " + what);
        return this;
    }

    CudnnDescriptor longs(int attribute, long... values) {
        try (LongPointer memory = new LongPointer(values)) {
            return set(attribute, cudnn.CUDNN_TYPE_INT64, values.length, memory);
        }
    }

    /** An enumerated value, or a 32-bit integer. @param type one of cuDNN's CUDNN_TYPE_... */
    CudnnDescriptor integer(int attribute, int type, int value) {
        try (IntPointer memory = new IntPointer(new int[] {value})) {
            return set(attribute, type, 1, memory);
        }
    }

    CudnnDescriptor dataType(int attribute, int value) {
        return integer(attribute, cudnn.CUDNN_TYPE_DATA_TYPE, value);
    }

    CudnnDescriptor real(int attribute, float value) {
        try (FloatPointer memory = new FloatPointer(value)) {
            return set(attribute, cudnn.CUDNN_TYPE_FLOAT, 1, memory);
        }
    }

    CudnnDescriptor yes(int attribute) {
        try (BoolPointer memory = new BoolPointer(1)) {
            memory.put(true);
            return set(attribute, cudnn.CUDNN_TYPE_BOOLEAN, 1, memory);
        }
    }

    CudnnDescriptor text(int attribute, String value) {
        try (BytePointer memory = new BytePointer(value, StandardCharsets.UTF_8)) {
            return set(attribute, cudnn.CUDNN_TYPE_CHAR, memory.capacity(), memory);
        }
    }

    CudnnDescriptor descriptors(int attribute, CudnnDescriptor... values) {
        try (LongPointer memory = addresses(values)) {
            return set(attribute, cudnn.CUDNN_TYPE_BACKEND_DESCRIPTOR, values.length, memory);
        }
    }

    /** The library's handle. */
    CudnnDescriptor library(int attribute, Pointer library) {
        try (LongPointer memory = new LongPointer(new long[] {library.address()})) {
            return set(attribute, cudnn.CUDNN_TYPE_HANDLE, 1, memory);
        }
    }

    private static LongPointer addresses(CudnnDescriptor... descriptors) {
        LongPointer memory = new LongPointer(descriptors.length);
        for (int i = 0; i < descriptors.length; i++) {
            memory.put(i, descriptors[i].handle.address());
        }
        return memory;
    }

    CudnnDescriptor finish() {
        check(cudnn.cudnnBackendFinalize(handle), "finalizing " + what);
        return this;
    }

    /** An attribute of one 64-bit integer. */
    long longOf(int attribute) {
        long[] count = new long[1];
        try (LongPointer value = new LongPointer(1)) {
            check(cudnn.cudnnBackendGetAttribute(handle, attribute, cudnn.CUDNN_TYPE_INT64, 1, count, value), "reading attribute " + attribute + " of " + what);
            return value.get();
        }
    }

    /** How many values an attribute has. */
    int countOf(int attribute, int type) {
        long[] count = new long[1];
        check(cudnn.cudnnBackendGetAttribute(handle, attribute, type, 0, count, null), "counting attribute " + attribute + " of " + what);
        return Math.toIntExact(count[0]);
    }

    /** Fills descriptors that were made for it; as many as there are. */
    int fill(int attribute, CudnnDescriptor... targets) {
        long[] count = new long[1];
        try (LongPointer memory = addresses(targets)) {
            check(cudnn.cudnnBackendGetAttribute(handle, attribute, cudnn.CUDNN_TYPE_BACKEND_DESCRIPTOR, targets.length, count, memory),
                    "reading attribute " + attribute + " of " + what);
        }
        return Math.toIntExact(Math.min(count[0], targets.length));
    }

    @Override
    public void close() {
        if (!handle.isNull()) {
            cudnn.cudnnBackendDestroyDescriptor(handle);
            handle.setNull();
        }
    }
}
