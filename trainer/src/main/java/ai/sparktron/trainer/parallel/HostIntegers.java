package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Integers between host and engine. */
final class HostIntegers {

    private HostIntegers() {
    }

    static int[] read(Engine engine, Tensor tensor) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(Math.toIntExact(tensor.sizeBytes())).order(ByteOrder.nativeOrder());
        engine.read(tensor, bytes);
        int[] values = new int[Math.toIntExact(tensor.elements())];
        bytes.clear().asIntBuffer().get(values);
        return values;
    }

    static void write(Engine engine, Tensor tensor, int[] values) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(values.length * Integer.BYTES).order(ByteOrder.nativeOrder());
        bytes.asIntBuffer().put(values);
        engine.write(tensor, bytes);
    }
}
