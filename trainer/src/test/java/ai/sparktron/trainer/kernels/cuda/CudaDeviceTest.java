package ai.sparktron.trainer.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.tensor.GrowingStorage;
import ai.sparktron.trainer.tensor.OutOfDeviceMemoryException;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Device, memory and launches on a GPU. */
@Tag("gpu")
class CudaDeviceTest {

    private static final String REVERSE = """
            extern "C" __global__ void reverse(const float* in, float* out, int n, float factor, long long shift) {
                extern __shared__ float buffer[];
                for (int i = threadIdx.x; i < n; i += blockDim.x) buffer[i] = in[i];
                __syncthreads();
                for (int i = threadIdx.x; i < n; i += blockDim.x) out[i] = buffer[n - 1 - i] * factor + (float) shift;
            }
            """;

    @TempDir
    Path folder;

    private CudaDevice device;
    private DeviceMemory memory;

    @BeforeEach
    void open() {
        device = CudaDevice.open(0);
        memory = new DeviceMemory(device);
    }

    @AfterEach
    void close() {
        memory.close();
        device.close();
    }

    /** 16,000 floats are 64,000 bytes of shared memory: more than a kernel has without asking. */
    @Test
    void launchesWithArgumentsOfEveryKindAndMuchSharedMemory() {
        int n = 16_000;
        DeviceBlock in = memory.allocate(4L * n, "in");
        DeviceBlock out = memory.allocate(4L * n, "out");
        assertEquals(0, in.address() % 256);
        float[] values = new float[n];
        float[] expected = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = i % 512;
        }
        for (int i = 0; i < n; i++) {
            expected[i] = values[n - 1 - i] * 0.5f - 3;
        }
        float[] actual = new float[n];
        try (FloatPointer host = new FloatPointer(values);
                KernelModule module = new KernelModule(device, new CubinCache(folder), "reverse.cu", REVERSE, List.of())) {
            CudaDevice.check(cudart.cuMemcpyHtoDAsync(in.address(), host, 4L * n, device.stream()), "copy in");
            module.kernel("reverse").pointer(in.address()).pointer(out.address()).integer(n).real(0.5f).longInteger(-3).launch(1, 1, 1, 256, 4 * n);
            CudaDevice.check(cudart.cuMemcpyDtoHAsync(host, out.address(), 4L * n, device.stream()), "copy out");
            device.synchronize();
            host.get(actual);
            CudaException missing = assertThrows(CudaException.class, () -> module.kernel("nothing"));
            assertTrue(missing.getMessage().contains("kernel nothing of reverse.cu"), missing.getMessage());
        }
        assertArrayEquals(expected, actual);
    }

    @Test
    void tooLargeABlockSaysWhatHoldsTheRest() {
        memory.allocate(1 << 20, "weights");
        OutOfDeviceMemoryException error = assertThrows(OutOfDeviceMemoryException.class, () -> memory.allocate(1L << 50, "scratch"));
        assertTrue(error.getMessage().contains("weights 1048576") && error.getMessage().contains("scratch"), error.getMessage());
        assertEquals(1 << 20, memory.openBytes());
    }

    /** What lies in a range when it grows stays there, and its memory is the device's again when it closes. */
    @Test
    void aRangeGrowsWhereItIs() {
        long before = memory.freeBytes();
        GrowingStorage range = memory.growing("activations").orElseThrow();
        range.grow(1000);
        long address = range.address();
        assertEquals(0, address % 256);
        CudaDevice.check(cudart.cuMemsetD8Async(address, (byte) 7, 1000, device.stream()), "fill");
        long large = range.sizeBytes() + (100L << 20);
        range.grow(large);
        assertEquals(address, range.address());
        assertTrue(range.sizeBytes() >= large && range.sizeBytes() < large + (64L << 20), range.sizeBytes() + " bytes");
        byte[] ends = new byte[2];
        try (BytePointer host = new BytePointer(2)) {
            CudaDevice.check(cudart.cuMemsetD8Async(address + large - 1, (byte) 9, 1, device.stream()), "fill the end");
            CudaDevice.check(cudart.cuMemcpyDtoHAsync(host, address + 999, 1, device.stream()), "read the old end");
            CudaDevice.check(cudart.cuMemcpyDtoHAsync(host.getPointer(1), address + large - 1, 1, device.stream()), "read the end");
            device.synchronize();
            host.get(ends);
        }
        assertArrayEquals(new byte[] {7, 9}, ends);
        assertTrue(memory.freeBytes() <= before - (100L << 20), before + " then " + memory.freeBytes());
        OutOfDeviceMemoryException error = assertThrows(OutOfDeviceMemoryException.class, () -> range.grow(1L << 50));
        assertTrue(error.getMessage().contains("activations " + range.sizeBytes()), error.getMessage());
        range.close();
        assertTrue(memory.freeBytes() >= before - (1L << 26), before + " then " + memory.freeBytes());
        assertEquals(0, memory.openBytes());
        assertThrows(IllegalStateException.class, range::close);
    }

    @Test
    void aDeviceThatIsNotThereIsNamed() {
        CudaException error = assertThrows(CudaException.class, () -> CudaDevice.open(4096));
        assertTrue(error.getMessage().contains("no GPU 4096"), error.getMessage());
    }

    @Test
    void closingGivesTheMemoryBack() {
        long before = memory.freeBytes();
        memory.allocate(1L << 30, "left open");
        device.synchronize();
        assertTrue(memory.freeBytes() <= before - (1L << 29), before + " then " + memory.freeBytes());
        memory.close();
        assertTrue(memory.freeBytes() >= before - (1L << 26), before + " then " + memory.freeBytes());
    }
}
