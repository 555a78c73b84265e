package ai.sparktron.trainer.generate;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Rows of logits on the host, one after the other in the same memory. */
final class HostLogits {

    private final Engine engine;
    private final ByteBuffer bytes;
    private final float[] values;

    HostLogits(Engine engine, int vocabulary) {
        this.engine = engine;
        this.bytes = ByteBuffer.allocateDirect(vocabulary * Float.BYTES).order(ByteOrder.nativeOrder());
        this.values = new float[vocabulary];
    }

    /** A row of float32 logits [B, V], once it is there; valid until the next call, and the caller's to change until then. */
    float[] read(Tensor logits, int row) {
        bytes.clear();
        engine.read(logits.rows(row, 1), bytes);
        bytes.rewind();
        bytes.asFloatBuffer().get(values);
        return values;
    }
}
