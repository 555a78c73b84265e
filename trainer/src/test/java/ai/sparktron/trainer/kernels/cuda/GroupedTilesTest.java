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
    /** What the device takes for itself of a block's shared memory. */
    private static final int BLOCK_OVERHEAD = 1024;

    @Test
    void someFitEveryDevice() {
        for (int[] device : new int[][] {{80, AMPERE}, {89, ADA}, {90, HOPPER}, {100, HOPPER}}) {
            assertEquals(GroupedTiles.ALL.get(0), GroupedTiles.fitting(device[0], device[1], 256).get(0), "what is taken unmeasured fits everywhere");
        }
        assertEquals(GroupedTiles.ALL, GroupedTiles.fitting(90, HOPPER, 512), "Hopper has all of them");
        assertEquals(3, GroupedTiles.fitting(80, AMPERE, 512).size());
        assertEquals(GroupedTiles.fitting(80, AMPERE, 512), GroupedTiles.candidates(80, AMPERE, 512));
        assertEquals(6, GroupedTiles.candidates(90, HOPPER, 512).size());
        assertEquals(GroupedTiles.ALL.get(0), GroupedTiles.candidates(90, HOPPER, 512).get(0));
        for (GroupedTiles tiles : GroupedTiles.ALL) {
            assertTrue(tiles.blocks() * (tiles.sharedBytes(512) + BLOCK_OVERHEAD) <= HOPPER + BLOCK_OVERHEAD, () -> tiles.code() + " cannot have "
                    + tiles.blocks() + " blocks on a multiprocessor");
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
        for (GroupedTiles tiles : List.of(GroupedTiles.ALL.get(0), GroupedTiles.ALL.get(3), GroupedTiles.ALL.get(6),
                GroupedTiles.ALL.get(7))) {
            for (String use : List.of("RIGHT_LAYOUT=ALONG", "RIGHT_LAYOUT=ACROSS_SUM", "GRADIENT=1")) {
                compile(90, tiles, "bf16", "float", use);
            }
            compile(90, tiles, "bf16", "bf16", "RIGHT_LAYOUT=ALONG", "ADDS=1");
            compile(90, tiles, "f16", "f16", "GRADIENT=1");
        }
        for (GroupedTiles tiles : GroupedTiles.fitting(80, AMPERE, 64)) {
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

    private static void compile(int capability, GroupedTiles tiles, String type, String result, String... uses) {
        List<String> defines = new ArrayList<>(tiles.defines());
        defines.addAll(List.of("TYPE=" + type, "RESULT=" + result));
        defines.addAll(List.of(uses));
        StringBuilder source = new StringBuilder(KernelCompiler.source("types.cuh"));
        tiles.sources().forEach(each -> source.append(KernelCompiler.source(each)));
        assertTrue(KernelCompiler.compile("groupedTensor.cu", source.toString(), capability, defines).length > 10_000, defines.toString());
    }
}
