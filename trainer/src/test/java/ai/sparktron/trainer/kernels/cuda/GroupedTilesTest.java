package ai.sparktron.trainer.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Kernels for experts' products fit devices, and compile for all of them. Compiling needs NVRTC, not a GPU; without it the test is skipped and says so. */
class GroupedTilesTest {

    private static final int ADA = 101_376;
    private static final int AMPERE = 166_912;
    private static final int HOPPER = 232_448;

    @Test
    void someFitEveryDevice() {
        assertTrue(GroupedTiles.ALL.get(0).sharedBytes(256) <= ADA, "what is taken unmeasured fits everywhere");
        for (GroupedTiles tiles : GroupedTiles.ALL) {
            assertTrue(tiles.sharedBytes(512) <= AMPERE, tiles::code);
            assertTrue(tiles.blocks() * (tiles.sharedBytes(512) + 1024) <= HOPPER + 1024, () -> tiles.code() + " cannot have " + tiles.blocks()
                    + " blocks on a multiprocessor");
        }
        assertEquals(GroupedTiles.ALL.size(), GroupedTiles.ALL.stream().map(GroupedTiles::code).distinct().count(), "codes tell tiles apart");
    }

    @Test
    void compiles() {
        try {
            KernelCompiler.version();
        } catch (CudaException missing) {
            assumeTrue(false, missing.getMessage());
        }
        for (String use : List.of("RIGHT_LAYOUT=ALONG", "RIGHT_LAYOUT=ACROSS_SUM", "GRADIENT=1")) {
            compile(90, GroupedTiles.ALL.get(0), "bf16", "float", use);
        }
        compile(90, GroupedTiles.ALL.get(0), "f16", "f16", "GRADIENT=1");
        for (GroupedTiles tiles : GroupedTiles.ALL) {
            compile(80, tiles, "bf16", "float", "GRADIENT=1");
        }
        for (int capability : new int[] {89, 100}) {
            compile(capability, GroupedTiles.ALL.get(0), "bf16", "float", "RIGHT_LAYOUT=ALONG");
        }
        for (String type : List.of("float", "bf16")) {
            String source = KernelCompiler.source("types.cuh") + KernelCompiler.source("grouped.cuh") + KernelCompiler.source("groupedPlain.cu");
            assertTrue(KernelCompiler.compile("groupedPlain.cu", source, 90, List.of("TYPE=" + type, "RESULT=float", "LANES=1")).length > 1000);
        }
    }

    private static void compile(int capability, GroupedTiles tiles, String type, String result, String use) {
        List<String> defines = new ArrayList<>(tiles.defines());
        defines.addAll(List.of("TYPE=" + type, "RESULT=" + result, use));
        String source = KernelCompiler.source("types.cuh") + KernelCompiler.source("mma.cuh") + KernelCompiler.source("grouped.cuh")
                + KernelCompiler.source("groupedTensor.cu");
        assertTrue(KernelCompiler.compile("groupedTensor.cu", source, capability, defines).length > 10_000, defines.toString());
    }
}
