package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.kernels.CheckedKernels;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.HostStore;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Readback;
import ai.sparktron.trainer.kernels.SharedMemoryStore;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Memory;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Set;
import java.util.function.Function;
import org.bytedeco.javacpp.Pointer;

/**
 * The CPU as a device: ND4J's memory under kernels that run on the calling thread. Computes in float32, whatever types its kernels take; others can be stored,
 * copied and converted. One rank is one thread, so all libraries are held to one.
 */
final class HostEngine implements Engine {

    private final String description;
    private final HostMemory memory;
    private final Set<DType> types;
    private final Kernels kernels;

    /**
     * @param kernels makes the kernels on this engine's memory
     * @param types   what they take as parameters and activations
     */
    HostEngine(String description, HostMemory memory, Function<HostMemory, Kernels> kernels, Set<DType> types) {
        this.description = description;
        this.memory = memory;
        this.types = types;
        try {
            this.kernels = new CheckedKernels(kernels.apply(memory), this::supports);
        } catch (RuntimeException e) {
            memory.close();
            throw e;
        }
    }

    @Override
    public String name() {
        return "nd4j";
    }

    @Override
    public String description() {
        return description;
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
        long free = Pointer.availablePhysicalBytes();
        return Pointer.maxPhysicalBytes() > 0 ? Math.min(free, Pointer.maxPhysicalBytes() - Pointer.physicalBytes()) : free;
    }

    @Override
    public void write(Tensor tensor, ByteBuffer source) {
        requireSize(tensor, source);
        if (tensor.view() instanceof ByteBuffer view) {
            view.duplicate().put(source.duplicate());
        } else {
            byte[] bytes = new byte[source.remaining()];
            source.duplicate().get(bytes);
            Nd4jArrays.writeRow(flat(tensor), 0, bytes);
        }
    }

    @Override
    public void read(Tensor tensor, ByteBuffer target) {
        requireSize(tensor, target);
        if (tensor.view() instanceof ByteBuffer view) {
            target.duplicate().put(view.duplicate());
        } else {
            target.duplicate().put(Nd4jArrays.readRow(flat(tensor), 0));
        }
    }

    private static Tensor flat(Tensor tensor) {
        return tensor.reshape(Shape.of(tensor.elements()));
    }

    private static void requireSize(Tensor tensor, ByteBuffer bytes) {
        if (!tensor.isContiguous()) {
            throw new IllegalArgumentException(tensor + " cannot be moved to or from the host: it is not contiguous; copy it first");
        }
        if (bytes.remaining() != tensor.sizeBytes()) {
            throw new IllegalArgumentException(tensor + " has " + tensor.sizeBytes() + " bytes, the host's buffer " + bytes.remaining());
        }
    }

    @Override
    public HostStore hostStore(int places) {
        return new SharedMemoryStore(this, places);
    }

    @Override
    public Readback readLater(Tensor tensor) {
        ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(tensor.sizeBytes())).order(ByteOrder.nativeOrder());
        read(tensor, bytes);
        return Readback.of(bytes.clear());
    }

    @Override
    public void synchronize() {
        // Every kernel has finished when it returns.
    }

    @Override
    public void close() {
        memory.close();
    }
}
