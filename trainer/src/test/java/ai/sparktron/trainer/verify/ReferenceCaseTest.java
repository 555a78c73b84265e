package ai.sparktron.trainer.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.kernels.EngineFactory;
import ai.sparktron.trainer.kernels.ReferenceEngine;
import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;
import ai.sparktron.trainer.layer.Recompute;
import ai.sparktron.trainer.layer.Recompute.Method;
import ai.sparktron.trainer.layer.Recompute.Module;
import ai.sparktron.trainer.mesh.Mesh;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.parallel.KeyExchange;
import ai.sparktron.trainer.parallel.ParallelPlan;
import ai.sparktron.trainer.parallel.StageSplit;
import ai.sparktron.trainer.parallel.TokenExchange;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.SafetensorsFile;
import ai.sparktron.trainer.tensor.SafetensorsWriter;
import ai.sparktron.trainer.tensor.TensorEntry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Numbers that no one here wrote: logits, loss, every gradient, greedy text and trajectories of Hugging Face models, in float32. */
class ReferenceCaseTest {

    static final EngineFactory HOST = Nd4jEngines.factory(Nd4jEngines.Face.HOST);
    static final Path CASES = CaseFolders.ALL;

    static List<Path> cases() throws IOException {
        try (Stream<Path> folders = Files.list(CASES)) {
            List<Path> cases = folders.filter(folder -> Files.exists(folder.resolve("config.json"))).sorted().toList();
            assertTrue(cases.size() >= 16, "reference cases went missing: " + cases);
            return cases;
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void referenceKernelsGiveTheNumbersOfHuggingFace(Path folder) throws IOException {
        assertPasses(device -> new ReferenceEngine(), folder, Verification.Settings.defaults());
    }

    @ParameterizedTest
    @MethodSource("cases")
    void theHostEngineGivesTheNumbersOfHuggingFace(Path folder) throws IOException {
        assertPasses(HOST, folder, Verification.Settings.defaults());
    }

    @ParameterizedTest
    @MethodSource("cases")
    void nd4jsOwnOperationsGiveTheNumbersOfHuggingFace(Path folder) throws IOException {
        assertPasses(Nd4jEngines.factory(Nd4jEngines.Face.ND4J), folder, Verification.Settings.defaults());
    }

    private static Verification.Settings settings(int microBatchRows, Recompute recompute, long chunkBytes) {
        return settings(1, microBatchRows, recompute, chunkBytes, null);
    }

    private static Verification.Settings settings(int ranks, int microBatchRows, Recompute recompute, long chunkBytes, Path write) {
        return new Verification.Settings(Mesh.ofData(ranks), ParallelPlan.Settings.defaults(), microBatchRows, recompute, chunkBytes, write, Verification.Tolerances.FLOAT32);
    }

    static List<Verification.Settings> settings() {
        long chunk = 256L << 20;
        return List.of(settings(1, Recompute.none(), chunk), settings(0, Recompute.none(), 7 * 320 * 4),
                settings(1, Recompute.full(Method.UNIFORM, 1), chunk),
                settings(0, Recompute.full(Method.UNIFORM, 2), chunk),
                settings(0, Recompute.full(Method.BLOCK, 2), chunk),
                settings(1, Recompute.selective(Set.of(Module.CORE_ATTN)), chunk),
                settings(0, Recompute.selective(Set.of(Module.CORE_ATTN, Module.MLP, Module.LAYERNORM)), chunk));
    }

    /** Rows of a micro-batch, chunks of logits and everything that is computed again must not show in the numbers. */
    @ParameterizedTest
    @MethodSource("settings")
    void howItIsRunDoesNotShow(Verification.Settings settings) throws IOException {
        assertPasses(HOST, CASES.resolve("qwen3"), settings);
        assertPasses(HOST, CASES.resolve("qwen2-tied"), settings);
    }

    /** Three replicas for two rows: one has nothing to do but to add up. */
    @Test
    void replicasGiveTheNumbersOfOne() throws IOException {
        assertPasses(HOST, CASES.resolve("qwen2"), settings(2, 1, Recompute.none(), 1 << 20, null));
        assertPasses(HOST, CASES.resolve("qwen2-tied"), settings(3, 0, Recompute.none(), 1 << 20, null));
    }

    static List<Path> casesWithTwoKeyHeads() throws IOException {
        return cases().stream().filter(folder -> !folder.endsWith("qwen3-wide-heads")).toList();
    }

    @ParameterizedTest
    @MethodSource("casesWithTwoKeyHeads")
    void tensorParallelRanksGiveTheNumbersOfHuggingFace(Path folder) throws IOException {
        boolean experts = ConfigReader.read(folder).experts() != null;
        assertPasses(HOST, folder, onGrid(2, 2, 1, new ParallelPlan.Settings(experts, KeyExchange.RING)));
    }

    @Test
    void tensorAndDataParallelRanksTogether() throws IOException {
        assertPasses(HOST, CASES.resolve("qwen3"), onGrid(4, 2));
        assertPasses(HOST, CASES.resolve("llama-bias"), onGrid(4, 4));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void contextParallelRanksGiveTheNumbersOfHuggingFace(Path folder) throws IOException {
        assertPasses(HOST, folder, onGrid(2, 1, 2, ParallelPlan.Settings.defaults()));
    }

    @ParameterizedTest
    @EnumSource(KeyExchange.class)
    void contextTensorAndSequenceParallelRanksTogether(KeyExchange exchange) throws IOException {
        assertPasses(HOST, CASES.resolve("qwen3"), onGrid(4, 1, 4, new ParallelPlan.Settings(false, exchange == KeyExchange.HEADS ? KeyExchange.RING : exchange)));
        assertPasses(HOST, CASES.resolve("qwen2-tied"), onGrid(4, 1, 2, new ParallelPlan.Settings(false, exchange)));
        assertPasses(HOST, CASES.resolve("llama-bias"), onGrid(8, 2, 2, new ParallelPlan.Settings(true, exchange == KeyExchange.HEADS ? KeyExchange.GATHER : exchange)));
    }

    private static ParallelPlan.Settings stages(boolean sequence, String layout) {
        return new ParallelPlan.Settings(sequence, KeyExchange.RING, new StageSplit(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(),
                Optional.of(layout)), TokenExchange.ALL_TO_ALL);
    }

    /** Two stages, the second with what is left. */
    @ParameterizedTest
    @MethodSource("cases")
    void pipelineStagesGiveTheNumbersOfHuggingFace(Path folder) throws IOException {
        int layers = ConfigReader.read(folder).layers();
        assertPasses(HOST, folder, onGrid(2, 1, 2, 1, stages(false, "Et*1|t*" + (layers - 1) + "L")));
    }

    @Test
    void pipelineStagesAndOtherAxesTogether() throws IOException {
        assertPasses(HOST, CASES.resolve("qwen3"), onGrid(12, 2, 3, 2, ParallelPlan.Settings.defaults()));
        assertPasses(HOST, CASES.resolve("qwen2-tied"), onGrid(2, 1, 2, 1, stages(false, "Et|t|t|L")));
        assertPasses(HOST, CASES.resolve("qwen2-tied"), onGrid(8, 2, 2, 2, stages(true, "Et|ttL")));
        assertPasses(HOST, CASES.resolve("qwen3-wide-heads"), onGrid(4, 1, 2, 1, stages(false, "E|t|t|L")));
        assertPasses(HOST, CASES.resolve("llama-dynamic"), onGrid(2, 1, 2, 1, ParallelPlan.Settings.defaults()));
    }

    /** Log-probabilities of answers are sums over ranks that share tokens, and over vocabularies that are cut. */
    @ParameterizedTest
    @CsvSource({"1, 1, 1, 1", "2, 1, 1, 1", "3, 1, 1, 1", "2, 2, 1, 1", "3, 1, 3, 1", "2, 1, 1, 2", "6, 2, 3, 1", "4, 2, 1, 2", "6, 1, 3, 2"})
    void preferencesOnEveryGrid(int ranks, int tensor, int pipeline, int context) throws IOException {
        assertPreferences("qwen3-dpo", ranks, tensor, pipeline, context);
    }

    /** Last tokens of answers may be on any rank, and the distance of answers with labels is that of all ranks' rows. */
    @ParameterizedTest
    @CsvSource({"1, 1, 1, 1", "2, 1, 1, 1", "3, 1, 1, 1", "2, 2, 1, 1", "2, 1, 2, 1", "2, 1, 1, 2", "4, 2, 1, 2", "8, 2, 2, 1"})
    void labelsAndRewardsOnEveryGrid(int ranks, int tensor, int pipeline, int context) throws IOException {
        assertPreferences("qwen3-kto", ranks, tensor, pipeline, context);
        assertPreferences("qwen3-reward", ranks, tensor, pipeline, context);
    }

    private static void assertPreferences(String folder, int ranks, int tensor, int pipeline, int context) throws IOException {
        Mesh mesh = Mesh.of(ranks, tensor, pipeline, context, 1, 1);
        for (int rows : new int[] {0, 1}) {
            assertPasses(HOST, CASES.resolve(folder), new Verification.Settings(mesh, new ParallelPlan.Settings(tensor == 2 && rows == 1, KeyExchange.RING), rows,
                    Recompute.none(), rows == 0 ? 1 << 20 : 7 * 320 * 4, null, Verification.Tolerances.FLOAT32));
        }
    }

    @Test
    void preferencesOnEveryEngine() throws IOException {
        for (String folder : List.of("qwen3-dpo", "qwen3-kto", "qwen3-reward")) {
            assertPasses(device -> new ReferenceEngine(), CASES.resolve(folder), Verification.Settings.defaults());
            assertPasses(Nd4jEngines.factory(Nd4jEngines.Face.ND4J), CASES.resolve(folder), Verification.Settings.defaults());
        }
    }

    @Test
    void adaptersInAPipeline() throws IOException {
        Mesh mesh = Mesh.of(6, 2, 3, 1, 1, 1);
        assertPasses(HOST, CASES.resolve("qwen2-lora"), new Verification.Settings(mesh, ParallelPlan.Settings.defaults(), 1, Recompute.none(), 1 << 20, null,
                Verification.Tolerances.FLOAT32));
    }

    @Test
    void expertsUnderTensorParallelismNeedSequenceParallelism() {
        IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class, () -> assertPasses(HOST, CASES.resolve("qwen3_moe"), onGrid(2, 2)));
        assertTrue(refusal.getMessage().contains("--sequence_parallel true"), refusal.getMessage());
    }

    @Test
    void aSingleKeyHeadCannotBeCut() {
        IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class, () -> assertPasses(HOST, CASES.resolve("qwen3-wide-heads"), onGrid(2, 2)));
        assertTrue(refusal.getMessage().contains("--tensor_model_parallel_size 2") && refusal.getMessage().contains("num_key_value_heads"), refusal.getMessage());
    }

    private static Verification.Settings onGrid(int ranks, int tensor) {
        return onGrid(ranks, tensor, 1, ParallelPlan.Settings.defaults());
    }

    private static Verification.Settings onGrid(int ranks, int tensor, int context, ParallelPlan.Settings grid) {
        return onGrid(ranks, tensor, 1, context, grid);
    }

    private static Verification.Settings onGrid(int ranks, int tensor, int stages, int context, ParallelPlan.Settings grid) {
        return new Verification.Settings(Mesh.of(ranks, tensor, stages, context, 1, 1), grid, 1, Recompute.none(), 7 * 320 * 4, null, Verification.Tolerances.FLOAT32);
    }

    static void assertPasses(EngineFactory engines, Path folder, Verification.Settings settings) throws IOException {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        Verification.Report report = new Verification(engines, settings).run(folder, new PrintStream(text, true, StandardCharsets.UTF_8));
        assertTrue(report.passed(), text.toString(StandardCharsets.UTF_8));
        assertEquals(0, report.exitCode());
        assertTrue(report.comparisons().size() >= 20, "only " + report.comparisons().size() + " quantities were compared");
    }

    static List<Arguments> wrongNumbers() {
        return List.of(Arguments.of("grad.model.layers.1.mlp.up_proj.weight", Verification.Settings.defaults()),
                Arguments.of("grad.model.layers.0.mlp.down_proj.weight", onGrid(2, 2)), Arguments.of("grad.model.norm.weight", onGrid(4, 2)));
    }

    @ParameterizedTest
    @MethodSource("wrongNumbers")
    void aWrongNumberIsNamed(String name, Verification.Settings settings, @TempDir Path copy) throws IOException {
        for (String file : List.of("config.json", "model.safetensors", "inputs.safetensors", "greedy.json")) {
            Files.copy(CASES.resolve("mistral").resolve(file), copy.resolve(file));
        }
        spoil(CASES.resolve("mistral/expected.safetensors"), copy.resolve("expected.safetensors"), name);
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        Verification.Report report = new Verification(device -> new ReferenceEngine(), settings).run(copy, new PrintStream(text));
        assertEquals(1, report.exitCode());
        assertEquals(List.of(name),
                report.comparisons().stream().filter(comparison -> !comparison.passed()).map(Comparison::quantity).toList());
        assertTrue(text.toString().contains("FAIL, 1 of"), text.toString());
    }

    /** Writes a copy with 1 % added to one tensor. */
    private static void spoil(Path from, Path to, String name) throws IOException {
        try (SafetensorsFile file = SafetensorsFile.open(from)) {
            List<TensorEntry> entries = new ArrayList<>(file.entries());
            try (SafetensorsWriter writer = SafetensorsWriter.create(to, entries, file.metadata())) {
                for (TensorEntry entry : entries) {
                    float[] values = file.readFloats(entry.name());
                    for (int i = 0; entry.name().equals(name) && i < values.length; i++) {
                        values[i] *= 1.01f;
                    }
                    writer.writeFloats(entry.name(), values);
                }
                writer.commit();
            }
        }
    }

    @Test
    void writesWhatItFoundUnderTheReferenceNames(@TempDir Path out) throws IOException {
        Verification.Settings settings = settings(1, 0, Recompute.none(), 1 << 20, out);
        new Verification(device -> new ReferenceEngine(), settings).run(CASES.resolve("mistral"), new PrintStream(new ByteArrayOutputStream()));
        try (SafetensorsFile ours = SafetensorsFile.open(out.resolve("expected.safetensors"));
                SafetensorsFile theirs = SafetensorsFile.open(CASES.resolve("mistral/expected.safetensors"))) {
            assertEquals(Set.copyOf(theirs.names()), Set.copyOf(ours.names()));
            for (String name : theirs.names()) {
                assertEquals(theirs.entry(name).shape(), ours.entry(name).shape());
                assertEquals(DType.F32, ours.entry(name).dtype());
            }
        }
    }

    @Test
    void aFolderThatIsNoCaseIsRefused(@TempDir Path empty) {
        Verification verification = new Verification(device -> new ReferenceEngine(), Verification.Settings.defaults());
        IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class, () -> verification.run(empty, System.out));
        assertTrue(refusal.getMessage().contains("no config.json"), refusal.getMessage());
        assertFalse(new Verification.Report(List.of()).passed(), "nothing compared must not pass");
    }
}
