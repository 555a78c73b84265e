package ai.sparktron.trainer.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Every source compiles for every GPU that is supported, as it is asked for by its kernels. Needs NVRTC, not a GPU; without it the tests are skipped and say so. */
class KernelSourcesTest {

    private static final List<String> TYPES = List.of("float", "bf16", "f16");

    /** Defines of each source; types in the place of %s. */
    private static final Map<String, List<String>> SOURCES = new TreeMap<>(Map.ofEntries(
            Map.entry("attention.cu", List.of("TYPE=%s", "RESULT=float", "SIZE=16")),
            Map.entry("balance.cu", List.of()),
            Map.entry("bits.cu", List.of("TYPE=unsigned short", "LANES=8")),
            Map.entry("columns.cu", List.of("TYPE=%s", "RESULT=float", "LANES=4")),
            Map.entry("combine.cu", List.of("TYPE=%s", "LANES=4")),
            Map.entry("decode.cu", List.of("TYPE=%s", "LANES=4", "HEADS=7")),
            Map.entry("dispatch.cu", List.of()),
            Map.entry("elementwise.cu", List.of("TYPE=%s", "RESULT=float", "LANES=4")),
            Map.entry("embedding.cu", List.of("TYPE=%s", "RESULT=float", "LANES=4")),
            Map.entry("gate.cu", List.of("TYPE=%s")),
            Map.entry("latent.cu", List.of("TYPE=%s", "LANES=4")),
            Map.entry("likeliest.cu", List.of("TYPE=%s", "LANES=4")),
            Map.entry("loss.cu", List.of("TYPE=%s", "LANES=4")),
            Map.entry("magnitudes.cu", List.of("TYPE=%s", "LANES=4")),
            Map.entry("merge.cu", List.of("TYPE=%s", "RESULT=float")),
            Map.entry("mixed.cu", List.of("TYPE=bf16", "RESULT=float", "LANES=8", "SIZE=4")),
            Map.entry("norm.cu", List.of("TYPE=%s", "LANES=4", "SIZE=1536")),
            Map.entry("quantise.cu", List.of("TYPE=%s", "RESULT=e5m2", "LANES=4", "SIZE=11")),
            Map.entry("random.cu", List.of("TYPE=%s", "LANES=4")),
            Map.entry("rope.cu", List.of("TYPE=%s", "LANES=4")),
            Map.entry("router.cu", List.of("SIZE=60")),
            Map.entry("squares.cu", List.of("TYPE=%s", "RESULT=double", "LANES=4")),
            Map.entry("swiglu.cu", List.of("TYPE=%s", "LANES=4")),
            Map.entry("thin.cu", List.of("TYPE=%s", "RESULT=float", "LANES=4")),
            Map.entry("turn.cu", List.of("LANES=4", "SIZE=2")),
            Map.entry("update.cu", List.of("VALUE=bf16", "MAIN=Low", "GRADIENT=float", "FIRST=%s", "SECOND=f8", "LANES=4"))));

    /** What is put before a source beside {@code types.cuh}. */
    private static final Map<String, String> BEFORE = Map.of("random.cu", "philox.cuh", "update.cu", "philox.cuh", "mixed.cu", "mma.cuh");

    /** Sources that follow others: {@link FlashConfigurationTest} and {@link GroupedTilesTest} compile them. */
    private static final Set<String> ELSEWHERE = Set.of("flashForward.cu", "flashKeys.cu", "flashQueries.cu", "groupedPlain.cu", "groupedTensor.cu");

    @Test
    void everySourceIsTried() throws IOException, URISyntaxException {
        Path folder = Path.of(KernelCompiler.class.getResource("types.cuh").toURI()).getParent();
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(SOURCES.keySet(), files.map(file -> file.getFileName().toString()).filter(name -> name.endsWith(".cu") && !ELSEWHERE.contains(name))
                    .collect(Collectors.toCollection(TreeSet::new)));
        }
    }

    @Test
    void compilesForHopperInEveryType() {
        assumeCompiler();
        for (Map.Entry<String, List<String>> source : SOURCES.entrySet()) {
            Set<List<String>> variants = new LinkedHashSet<>();
            TYPES.forEach(type -> variants.add(defines(source.getValue(), type, false)));
            variants.add(defines(source.getValue(), "bf16", true));
            variants.forEach(defines -> compile(source.getKey(), 90, defines));
        }
    }

    /** Another path of the source than with main weights. */
    @Test
    void updatesThatAreRoundedByChanceCompile() {
        assumeCompiler();
        for (int lanes : new int[] {1, 8}) {
            compile("update.cu", 90, List.of("VALUE=bf16", "MAIN=void", "GRADIENT=bf16", "FIRST=f8", "SECOND=f8", "LANES=" + lanes));
        }
    }

    /** Whose rows are the sums of two parts. */
    @Test
    void mixedProductsOfFloat16Compile() {
        assumeCompiler();
        compile("mixed.cu", 90, List.of("TYPE=f16", "RESULT=f16", "LANES=8", "SIZE=1"));
    }

    @Test
    void compilesForAmpereAndBlackwell() {
        assumeCompiler();
        for (int capability : new int[] {80, 100}) {
            SOURCES.forEach((source, defines) -> compile(source, capability, defines(defines, "bf16", false)));
        }
    }

    private static List<String> defines(List<String> pattern, String type, boolean single) {
        List<String> defines = new ArrayList<>();
        for (String define : pattern) {
            defines.add(single && define.startsWith("LANES=") ? "LANES=1" : define.replace("%s", type));
        }
        return defines;
    }

    private static void compile(String resource, int capability, List<String> defines) {
        String before = KernelCompiler.source("types.cuh") + (BEFORE.containsKey(resource) ? KernelCompiler.source(BEFORE.get(resource)) : "");
        byte[] cubin = KernelCompiler.compile(resource, before + "\n#line 1\n" + KernelCompiler.source(resource), capability, defines);
        assertTrue(cubin.length > 1000, resource + " " + defines);
    }

    private static void assumeCompiler() {
        try {
            KernelCompiler.version();
        } catch (CudaException missing) {
            assumeTrue(false, missing.getMessage());
        }
    }
}
