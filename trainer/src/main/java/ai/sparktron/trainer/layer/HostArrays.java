package ai.sparktron.trainer.layer;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Host arrays as the bytes that {@link ai.sparktron.trainer.kernels.Engine#write} takes. */
final class HostArrays {

    private HostArrays() {
    }

    static ByteBuffer bytes(int[] values) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(values.length * Integer.BYTES).order(ByteOrder.nativeOrder());
        bytes.asIntBuffer().put(values);
        return bytes;
    }

    static ByteBuffer bytes(float[] values) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(values.length * Float.BYTES).order(ByteOrder.nativeOrder());
        bytes.asFloatBuffer().put(values);
        return bytes;
    }
}
