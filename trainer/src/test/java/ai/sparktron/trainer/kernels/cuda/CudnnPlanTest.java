package ai.sparktron.trainer.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.tensor.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.cuda.global.cudnn;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** cuDNN recognises our graphs as attention and makes plans of them. It needs the library and no GPU: it is told of one. */
class CudnnPlanTest {

    /** What cuDNN says of an H200. */
    private static final String H200 = "{\"maxGridSize\":[2147483647,65535,65535],\"maxBlockSize\":[1024,1024,64],\"regsPerBlock\":65536,"
            + "\"multiProcessorCount\":132,\"warpSize\":32,\"maxSharedMemoryPerBlock\":49152,\"maxSharedMemoryPerBlockOptin\":232448,"
            + "\"reservedSharedMemoryPerBlock\":1024,\"maxRegistersPerSM\":65536,\"maxCtasPerSM\":32,\"maxThreadsPerBlock\":1024,\"maxThreadsPerSM\":2048,"
            + "\"pciDeviceId\":6,\"isTccDriver\":0,\"supportCoopLaunch\":1,\"totalGlobalMem\":150109880320,\"smClockRateKHz\":1980000,"
            + "\"memClockRateKHz\":3201000,\"l2CacheSize\":62914560,\"cudaDeviceId\":0,\"deviceVer\":900,\"driverVer\":13000,\"deviceName\":\"NVIDIA H200\"}";

    private CudnnDescriptor properties;

    @BeforeEach
    void describeDevice() {
        try {
            CudaLibrary.CUDNN.load();
        } catch (CudaException missing) {
            assumeTrue(false, missing.getMessage());
        }
        properties = new CudnnDescriptor(cudnn.CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, "properties of a device")
                .text(cudnn.CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, H200).finish();
    }

    @AfterEach
    void forgetDevice() {
        if (properties != null) {
            properties.close();
        }
    }

    static Stream<Arguments> shapes() {
        return Stream.of(Arguments.of(DType.BF16, 16, 16, 128, 128), Arguments.of(DType.BF16, 16, 2, 128, 128), Arguments.of(DType.F16, 14, 2, 64, 64),
                Arguments.of(DType.BF16, 8, 8, 96, 96), Arguments.of(DType.BF16, 16, 16, 192, 128), Arguments.of(DType.BF16, 8, 4, 256, 256));
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void forward(DType dtype, int heads, int kvHeads, int keySize, int valueSize) {
        for (CudnnAttentionKey key : keys(dtype, heads, kvHeads, keySize, valueSize)) {
            try (CudnnForward plan = new CudnnForward(key, target())) {
                assertTrue(plan.workspaceBytes() >= 0 && plan.workspaceBytes() < 1 << 20, key + ": " + plan.workspaceBytes());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void backward(DType dtype, int heads, int kvHeads, int keySize, int valueSize) {
        for (boolean deterministic : new boolean[] {false, true}) {
            for (CudnnAttentionKey key : keys(dtype, heads, kvHeads, keySize, valueSize)) {
                key.deterministic = deterministic;
                key.dOutStride = key.outStride;
                key.dqStride = key.qStride;
                key.kStride = key.packed() && key.grouped() ? (long) kvHeads * keySize : key.kStride;
                key.vStride = key.packed() && key.grouped() ? (long) kvHeads * valueSize : key.vStride;
                key.dkStride = key.kStride;
                key.dvStride = key.vStride;
                try (CudnnBackward plan = new CudnnBackward(key, target())) {
                    long deltas = 4L * heads * 4096;
                    assertTrue(plan.workspaceBytes() >= deltas, key + ": " + plan.workspaceBytes());
                }
            }
        }
    }

    /** cuDNN would write such a gradient where its tensor's documents begin. */
    @Test
    void refusesPackedGradientsThatLieUnlikeTheirTensors() {
        CudnnAttentionKey key = key(DType.BF16, 4, 4, 64, 64, 4096);
        key.dOutStride = key.outStride;
        key.dqStride = key.qStride;
        key.dkStride = 4 * 64;
        key.dvStride = key.vStride;
        assertThrows(IllegalStateException.class, () -> new CudnnBackward(key, target()));
    }

    private CudnnPlan.Target target() {
        return new CudnnPlan.Target(null, properties);
    }

    /** Dense and packed batches, of documents to themselves and of later tokens to earlier ones. */
    private static List<CudnnAttentionKey> keys(DType dtype, int heads, int kvHeads, int keySize, int valueSize) {
        List<CudnnAttentionKey> keys = new ArrayList<>();
        for (int total : new int[] {0, 4096}) {
            keys.add(key(dtype, heads, kvHeads, keySize, valueSize, total));
            CudnnAttentionKey later = key(dtype, heads, kvHeads, keySize, valueSize, total);
            later.causal = false;
            later.keyLength = 512;
            later.keyTotal = total / 2;
            keys.add(later);
        }
        return keys;
    }

    /** Four documents of 1024 tokens, or as many and long at most, in columns of one merged projection. */
    private static CudnnAttentionKey key(DType dtype, int heads, int kvHeads, int keySize, int valueSize, int total) {
        CudnnAttentionKey key = new CudnnAttentionKey();
        key.set(dtype, new AttentionShape(heads, kvHeads, keySize, valueSize, 0.1f));
        key.batch = 4;
        key.length = 1024;
        key.keyLength = 1024;
        key.total = total;
        key.keyTotal = total;
        key.causal = true;
        long merged = (long) heads * keySize + (long) kvHeads * (keySize + valueSize);
        key.qStride = merged;
        key.kStride = merged;
        key.vStride = merged;
        key.outStride = (long) heads * valueSize;
        key.sumsStride = heads;
        return key;
    }
}
