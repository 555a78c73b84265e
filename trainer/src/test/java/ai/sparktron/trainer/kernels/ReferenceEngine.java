package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Memory;
import ai.sparktron.trainer.tensor.Storage;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The reference kernels as an engine, also of float64: for finite differences of layers, and wherever a test wants no native code. */
public final class ReferenceEngine implements Engine {

    private final Kernels kernels = new CheckedKernels(new ReferenceKernels(), this::supports);
    private long nextAddress = 1L << 20;

    @Override
    public String name() {
        return "reference";
    }

    @Override
    public String description() {
        return "plain Java, double accumulation";
    }

    @Override
    public Kernels kernels() {
        return kernels;
    }

    @Override
    public Memory memory() {
        return (sizeBytes, purpose) -> new DirectStorage(sizeBytes);
    }

    @Override
    public boolean supports(DType dtype) {
        return dtype == DType.F32 || dtype == DType.F64 || dtype == DType.BF16 || dtype == DType.F16;
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
        requireSize(tensor, source);
        ((ByteBuffer) tensor.view()).duplicate().put(source.duplicate());
    }

    @Override
    public void read(Tensor tensor, ByteBuffer target) {
        requireSize(tensor, target);
        target.duplicate().put(((ByteBuffer) tensor.view()).duplicate());
    }

    private static void requireSize(Tensor tensor, ByteBuffer bytes) {
        if (!tensor.isContiguous() || bytes.remaining() != tensor.sizeBytes()) {
            throw new IllegalArgumentException(tensor + " of " + tensor.sizeBytes() + " bytes and a buffer of " + bytes.remaining());
        }
    }

    @Override
    public HostStore hostStore(int places) {
        return new SharedMemoryStore(this, places);
    }

    @Override
    public Readback readLater(Tensor tensor) {
        ByteBuffer bytes = ByteBuffer.allocate((int) tensor.sizeBytes()).order(ByteOrder.nativeOrder());
        read(tensor, bytes);
        return Readback.of(bytes.clear());
    }

    @Override
    public void synchronize() {
        // Nothing is ever enqueued.
    }

    @Override
    public void close() {
        // Blocks are freed with their buffers.
    }

    /** Addresses are made up, but distinct, so that overlaps show. */
    private final class DirectStorage implements Storage {
        private final ByteBuffer bytes;
        private final long address;

        DirectStorage(long sizeBytes) {
            bytes = ByteBuffer.allocateDirect(Math.toIntExact(sizeBytes));
            address = nextAddress;
            nextAddress += sizeBytes + 4096;
        }

        @Override
        public long address() {
            return address;
        }

        @Override
        public long sizeBytes() {
            return bytes.capacity();
        }

        @Override
        public Object view(long byteOffset, long sizeBytes) {
            return bytes.slice(Math.toIntExact(byteOffset), Math.toIntExact(sizeBytes)).order(ByteOrder.nativeOrder());
        }

        @Override
        public void close() {
            // The buffer is collected.
        }
    }
}
