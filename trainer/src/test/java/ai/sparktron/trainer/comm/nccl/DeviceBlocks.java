package ai.sparktron.trainer.comm.nccl;

import static ai.sparktron.trainer.comm.nccl.NcclLibrary.checkCuda;

import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.kernels.DeviceStreams;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Storage;
import ai.sparktron.trainer.tensor.Tensor;
import java.time.Duration;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;

/** A GPU for tests of communication: a stream and tensors, without an engine. */
public final class DeviceBlocks implements DeviceStreams {

    private final int device;
    private final CUstream_st stream;

    private DeviceBlocks(int device, CUstream_st stream) {
        this.device = device;
        this.stream = stream;
    }

    /** The device, with a stream that waits for nothing else. */
    public static DeviceBlocks open(int device) {
        NcclLibrary.load();
        checkCuda(cudart.cudaSetDevice(device), "cudaSetDevice " + device);
        CUstream_st stream = new CUstream_st();
        checkCuda(cudart.cudaStreamCreateWithFlags(stream, cudart.cudaStreamNonBlocking), "cudaStreamCreate");
        return new DeviceBlocks(device, stream);
    }

    @Override
    public int device() {
        return device;
    }

    @Override
    public long compute() {
        return stream.address();
    }

    /** A world over these hosts. */
    public World world(World host, Duration collectiveTimeout, long comparedCalls) {
        return new NcclWorld(host, this, new NcclSettings(Duration.ofSeconds(60), collectiveTimeout, comparedCalls));
    }

    /** A tensor of the device, which lives as long as the process. */
    public Tensor tensor(DType dtype, long elements) {
        checkCuda(cudart.cudaSetDevice(device), "cudaSetDevice " + device);
        Pointer pointer = new Pointer();
        long bytes = Math.max(1, elements) * dtype.sizeBytes();
        checkCuda(cudart.cudaMalloc(pointer, bytes), "cudaMalloc of " + bytes + " bytes");
        return Tensor.of("t", dtype, Shape.of(elements), new Block(pointer, bytes), 0);
    }

    public void write(Tensor tensor, byte[] bytes) {
        try (BytePointer source = new BytePointer(bytes)) {
            checkCuda(cudart.cudaMemcpyAsync(new DeviceRange().at(tensor.address()), source, bytes.length, cudart.cudaMemcpyHostToDevice, stream), "write");
            checkCuda(cudart.cudaStreamSynchronize(stream), "write");
        }
    }

    /** After all that was enqueued before. */
    public byte[] read(Tensor tensor) {
        byte[] bytes = new byte[(int) tensor.sizeBytes()];
        checkCuda(cudart.cudaStreamSynchronize(stream), "read");
        if (bytes.length > 0) {
            try (BytePointer target = new BytePointer(bytes.length)) {
                checkCuda(cudart.cudaMemcpy(target, new DeviceRange().at(tensor.address()), bytes.length, cudart.cudaMemcpyDeviceToHost), "read");
                target.get(bytes);
            }
        }
        return bytes;
    }

    private record Block(Pointer pointer, long sizeBytes) implements Storage {
        @Override
        public long address() {
            return pointer.address();
        }

        @Override
        public Object view(long byteOffset, long bytes) {
            return null;
        }

        @Override
        public void close() {
            cudart.cudaFree(pointer);
        }
    }
}
