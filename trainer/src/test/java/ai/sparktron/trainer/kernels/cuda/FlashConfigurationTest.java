package ai.sparktron.trainer.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.sparktron.trainer.kernels.cuda.FlashConfiguration.Kind;
import ai.sparktron.trainer.tensor.DType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Kernels of attention on the tensor cores: which of them serve which heads, and that all compile. */
class FlashConfigurationTest {

    private static final int AMPERE_CONSUMER = 101_376;
    private static final int AMPERE = 166_912;
    private static final int HOPPER = 232_448;

    @Test
    void everyHeadSizeHasKernelsThatFit() {
        int found = 0;
        for (Kind kind : Kind.values()) {
            for (int size = 8; size <= 256; size += 8) {
                for (int shared : new int[] {AMPERE, HOPPER}) {
                    FlashConfiguration configuration = FlashConfiguration.of(kind, size, size, shared);
                    assertNotNull(configuration, kind + " of " + size);
                    assertTrue(configuration.sharedBytes() <= shared && configuration.key() >= size && configuration.value() >= size, configuration::toString);
                    found++;
                }
                assertTrue(size > 128 || FlashConfiguration.of(kind, size, size, AMPERE_CONSUMER) != null, kind + " of " + size);
            }
            assertNull(FlashConfiguration.of(kind, 264, 64, HOPPER));
        }
        assertEquals(3 * 32 * 2, found);
    }

    /** For latent attention: no wider than it needs. */
    @Test
    void unequalHeads() {
        assertEquals(192, FlashConfiguration.of(Kind.FORWARD, 192, 128, HOPPER).key());
        assertEquals(128, FlashConfiguration.of(Kind.KEYS, 192, 128, HOPPER).value());
        assertEquals(256, FlashConfiguration.of(Kind.KEYS, 192, 136, HOPPER).value());
    }

    /** NVRTC takes the sources as they are put together here. It needs no GPU. */
    @ParameterizedTest
    @EnumSource(Kind.class)
    void compiles(Kind kind) {
        try {
            KernelCompiler.version();
        } catch (CudaException missing) {
            assumeTrue(false, missing.getMessage());
        }
        FlashConfiguration configuration = FlashConfiguration.of(kind, 64, 64, HOPPER);
        String source = KernelCompiler.source("types.cuh") + KernelCompiler.source("mma.cuh") + KernelCompiler.source("tensorcore.cuh") + KernelCompiler.source(kind.resource);
        for (DType result : new DType[] {DType.BF16, DType.F32}) {
            assertTrue(KernelCompiler.compile(kind.resource, source, 90, configuration.defines(DType.BF16, result)).length > 10_000);
        }
    }
}
