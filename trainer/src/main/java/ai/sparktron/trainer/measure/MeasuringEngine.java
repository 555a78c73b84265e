package ai.sparktron.trainer.measure;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.HostStore;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Readback;
import ai.sparktron.trainer.kernels.SharedMemoryStore;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.MeasuringMemory;
import ai.sparktron.trainer.tensor.Memory;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Set;

/**
 * An engine without a device: memory that is not there, kernels that count, zeros to read. Only integers are known, since how much travels depends on them: those
 * last written or sorted, as often as they are read, for other ranks have the same.
 */
public final class MeasuringEngine implements Engine {

    private final Set<DType> types;
    private final CountingKernels counting = new CountingKernels();
    private final Kernels kernels = counting.kernels();
    private final Memory memory = new MeasuringMemory();

    /** @param types that the engine in whose place it stands computes with */
    public MeasuringEngine(Set<DType> types) {
        this.types = Set.copyOf(types);
    }

    /** Work of all kernels so far. */
    public Work work() {
        return counting.work();
    }

    @Override
    public String name() {
        return "measuring";
    }

    @Override
    public String description() {
        return "no device: work and memory are counted";
    }

    @Override
    public Kernels kernels() {
        return kernels;
    }

    @Override
    public Memory memory() {
        return memory;
    }

    @Override
    public boolean supports(DType dtype) {
        return types.contains(dtype);
    }

    @Override
    public double peakFlops(DType dtype) {
        return Double.NaN;
    }

    @Override
    public long freeBytes() {
        return Long.MAX_VALUE;
    }

    @Override
    public void write(Tensor tensor, ByteBuffer source) {
        if (tensor.dtype() == DType.I32) {
            int[] values = new int[source.remaining() / Integer.BYTES];
            source.duplicate().order(ByteOrder.nativeOrder()).asIntBuffer().get(values);
            counting.written(values);
        }
    }

    @Override
    public void read(Tensor tensor, ByteBuffer target) {
        if (tensor.dtype() == DType.I32) {
            int[] values = counting.integers();
            for (int i = 0; i < target.remaining() / Integer.BYTES; i++) {
                target.putInt(target.position() + i * Integer.BYTES, values[i % values.length]);
            }
            return;
        }
        for (int i = target.position(); i < target.limit(); i++) {
            target.put(i, (byte) 0);
        }
    }

    @Override
    public HostStore hostStore(int places) {
        return new SharedMemoryStore(this, places);
    }

    @Override
    public Readback readLater(Tensor tensor) {
        return Readback.of(ByteBuffer.allocate(Math.toIntExact(tensor.sizeBytes())));
    }

    @Override
    public boolean computes() {
        return false;
    }

    @Override
    public void synchronize() {
        // Nothing is under way.
    }

    @Override
    public void close() {
        // Nothing is held.
    }
}
