package ai.sparktron.trainer.kernels;

import java.nio.ByteBuffer;

/** Numbers of a small tensor on their way to the host. Used by the engine's thread. */
public interface Readback {

    /** Whether waiting takes no time. It depends on the kind of engine alone, so all ranks of a run take the same turns. */
    boolean isImmediate();

    /** Waits for this copy, not for what was enqueued after it. @return the bytes in native order, from position 0 to the limit */
    ByteBuffer await();

    /** Numbers that are there. */
    static Readback of(ByteBuffer bytes) {
        return new Readback() {
            @Override
            public boolean isImmediate() {
                return true;
            }

            @Override
            public ByteBuffer await() {
                return bytes;
            }
        };
    }

    /** Waits for a float32 number. */
    default float number() {
        return await().getFloat(0);
    }
}
