package ai.sparktron.trainer.convert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.kernels.ReferenceEngine;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.Slicing;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.SafetensorsFolder;
import ai.sparktron.trainer.tensor.SafetensorsWriter;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.TensorEntry;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Weights in and out: the same bits back, and a refusal that names the tensor for everything that does not fit. */
class HuggingFaceDirectoryTest {

    private static final Path CASES = Path.of("src/test/resources/reference-cases");
    private static final LoadedModel.Settings SETTINGS = LoadedModel.Settings.of(32);

    private final ReferenceEngine engine = new ReferenceEngine();

    @TempDir
    Path folder;

    private void export(Path from, Path to, DType memory, DType file, long fileBytes) throws IOException {
        try (LoadedModel loaded = LoadedModel.open(engine, from, memory, Parameters.Use.INFER, SETTINGS)) {
            new HuggingFaceExporter(loaded.config(), file, from, fileBytes).export(to, LocalWeights.values(loaded.parameters(), engine));
        }
    }

    private static Map<String, float[]> tensors(Path directory) throws IOException {
        Map<String, float[]> tensors = new TreeMap<>();
        try (SafetensorsFolder files = SafetensorsFolder.open(directory)) {
            for (String name : files.names()) {
                tensors.put(name, files.readFloats(name, 0, (int) files.entry(name).shape().elements()));
            }
        }
        return tensors;
    }

    private static void assertSame(Map<String, float[]> expected, Map<String, float[]> actual) {
        assertEquals(expected.keySet(), actual.keySet());
        expected.forEach((name, values) -> assertArrayEquals(values, actual.get(name), name));
    }

    @Test
    void whatCameInGoesOut() throws IOException {
        for (String name : List.of("qwen2-old", "qwen3-wide-heads", "llama-bias", "mistral", "qwen2_moe", "deepseek_v3")) {
            export(CASES.resolve(name), folder.resolve(name), DType.F32, DType.F32, 1L << 30);
            assertSame(tensors(CASES.resolve(name)), tensors(folder.resolve(name)));
            assertTrue(Files.exists(folder.resolve(name).resolve("model.safetensors")));
        }
    }

    @Test
    void bfloat16KeepsItsBitsThroughFilesOfBoundedSize() throws IOException {
        Path rounded = folder.resolve("rounded");
        export(CASES.resolve("llama3"), rounded, DType.F32, DType.BF16, 1L << 30);
        Path again = folder.resolve("again");
        export(rounded, again, DType.BF16, DType.BF16, 20_000);
        assertSame(tensors(rounded), tensors(again));
        tensors(CASES.resolve("llama3")).forEach((name, values) -> {
            try {
                float[] kept = tensors(again).get(name);
                assertEquals(HalfPrecision.fromBfloat16(HalfPrecision.toBfloat16(values[5])), kept[5], name);
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        });
        try (Stream<Path> files = Files.list(again)) {
            List<String> names = files.map(file -> file.getFileName().toString()).sorted().toList();
            assertTrue(names.contains("model.safetensors.index.json") && names.size() > 6, names.toString());
            assertFalse(names.contains("model.safetensors"), names.toString());
        }
        JsonNode config = new ObjectMapper().readTree(again.resolve("config.json").toFile());
        assertEquals("bfloat16", config.get("dtype").asText());
        assertEquals("LlamaForCausalLM", config.path("architectures").path(0).asText());
        assertEquals(8.0, config.path("rope_parameters").path("factor").asDouble());
    }

    @Test
    void fusedExpertsAndFp8GoOutOneByOneAndPlain() throws IOException {
        export(CASES.resolve("qwen3_moe-fused"), folder.resolve("single"), DType.F32, DType.F32, 1L << 30);
        float[] fused = tensors(CASES.resolve("qwen3_moe-fused")).get("model.layers.0.mlp.experts.gate_up_proj");
        Map<String, float[]> single = tensors(folder.resolve("single"));
        int ofExpert = 20 * 32;
        assertArrayEquals(Arrays.copyOfRange(fused, 2 * ofExpert * 3, 2 * ofExpert * 3 + ofExpert), single.get("model.layers.0.mlp.experts.3.gate_proj.weight"));
        assertArrayEquals(Arrays.copyOfRange(fused, 2 * ofExpert * 3 + ofExpert, 2 * ofExpert * 4), single.get("model.layers.0.mlp.experts.3.up_proj.weight"));
        export(CASES.resolve("deepseek_v3-fp8"), folder.resolve("plain"), DType.F32, DType.F32, 1L << 30);
        Map<String, float[]> stored = tensors(CASES.resolve("deepseek_v3-fp8"));
        Map<String, float[]> plain = tensors(folder.resolve("plain"));
        float[] scales = stored.get("model.layers.0.mlp.down_proj.weight_scale_inv");
        assertEquals(2, scales.length, "136 columns are two blocks");
        for (int column : new int[] {0, 127, 128, 135}) {
            int at = 5 * 136 + column;
            assertEquals(stored.get("model.layers.0.mlp.down_proj.weight")[at] * scales[column / 128], plain.get("model.layers.0.mlp.down_proj.weight")[at]);
        }
        assertTrue(plain.keySet().stream().noneMatch(name -> name.endsWith("scale_inv")), plain.keySet().toString());
        assertFalse(new ObjectMapper().readTree(folder.resolve("plain/config.json").toFile()).has("quantization_config"));
    }

    /** Layers that predict further tokens are kept, in the type of the rest, and nothing else that is not known. */
    @Test
    void layersBehindTheLastAreKept() throws IOException {
        Path source = copy("deepseek_v3-fp8");
        Map<String, float[]> weights = tensors(CASES.resolve("deepseek_v3-fp8"));
        write(source.resolve("model.safetensors"), CASES.resolve("deepseek_v3-fp8"), Map.of("model.layers.2.eh_proj.weight", new float[] {1, 2, 3, 4, 5, 6},
                "model.layers.2.mlp.experts.0.gate_proj.weight", new float[] {7, 8}));
        try (LoadedModel loaded = LoadedModel.open(engine, source, DType.F32, Parameters.Use.INFER, SETTINGS)) {
            HuggingFaceExporter exporter = new HuggingFaceExporter(loaded.config(), DType.BF16, null, 1L << 30).withExtrasOf(source);
            exporter.export(folder.resolve("out"), LocalWeights.values(loaded.parameters(), engine));
        }
        Map<String, float[]> out = tensors(folder.resolve("out"));
        assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, out.get("model.layers.2.eh_proj.weight"));
        assertArrayEquals(new float[] {7, 8}, out.get("model.layers.2.mlp.experts.0.gate_proj.weight"));
        assertEquals(weights.keySet().stream().filter(name -> !name.endsWith("scale_inv")).count() + 2, out.size());
        write(source.resolve("model.safetensors"), CASES.resolve("deepseek_v3-fp8"), Map.of("model.layers.3.eh_proj.weight", new float[] {1}));
        assertRefused(source, "unknown model.layers.3.eh_proj.weight");
    }

    /** The tensors of a case, those in FP8 as they are, and more. */
    private static void write(Path file, Path from, Map<String, float[]> more) throws IOException {
        try (SafetensorsFolder files = SafetensorsFolder.open(from)) {
            List<TensorEntry> entries = new ArrayList<>();
            files.names().forEach(name -> entries.add(files.entry(name)));
            more.forEach((name, values) -> entries.add(new TensorEntry(name, DType.F32, Shape.of(1, values.length))));
            try (SafetensorsWriter writer = SafetensorsWriter.create(file, entries, SafetensorsWriter.PYTORCH_METADATA)) {
                for (TensorEntry entry : entries) {
                    if (more.containsKey(entry.name())) {
                        writer.writeFloats(entry.name(), more.get(entry.name()));
                        continue;
                    }
                    ByteBuffer bytes = ByteBuffer.allocate((int) entry.sizeBytes()).order(ByteOrder.LITTLE_ENDIAN);
                    files.read(entry.name(), 0, bytes);
                    writer.write(entry.name(), bytes.flip());
                }
                writer.commit();
            }
        }
    }

    /** What is added for choosing experts grows in steps of a thousandth, which bfloat16 would round away. */
    @Test
    void theBiasThatChoosesExpertsStaysFloat32() throws IOException {
        Path out = folder.resolve("out");
        export(CASES.resolve("deepseek_v3"), out, DType.BF16, DType.BF16, 1L << 30);
        String bias = "model.layers.1.mlp.gate.e_score_correction_bias";
        assertArrayEquals(tensors(CASES.resolve("deepseek_v3")).get(bias), tensors(out).get(bias));
        try (SafetensorsFolder files = SafetensorsFolder.open(out)) {
            assertEquals(DType.F32, files.entry(bias).dtype());
            assertEquals(DType.BF16, files.entry("model.layers.1.mlp.gate.weight").dtype());
        }
    }

    @Test
    void oldSpellingStaysAndCompanionsComeAlong() throws IOException {
        Path source = copy("qwen2-old");
        Files.writeString(source.resolve("tokenizer.json"), "{}");
        Files.writeString(source.resolve("chat_template.jinja"), "x");
        Files.writeString(source.resolve("optimizer.pt"), "not a companion");
        export(source, folder.resolve("out"), DType.F32, DType.BF16, 1L << 30);
        JsonNode config = new ObjectMapper().readTree(folder.resolve("out/config.json").toFile());
        assertEquals("bfloat16", config.get("torch_dtype").asText());
        assertFalse(config.has("dtype"));
        assertEquals(1000000.0, config.get("rope_theta").asDouble());
        assertEquals("{}", Files.readString(folder.resolve("out/tokenizer.json")));
        assertTrue(Files.exists(folder.resolve("out/chat_template.jinja")));
        assertFalse(Files.exists(folder.resolve("out/optimizer.pt")));
        assertEquals(2, new ObjectMapper().readTree(folder.resolve("out/generation_config.json").toFile()).get("eos_token_id").asInt());
    }

    @Test
    void anExportIsThereWholeOrNotAtAll() throws IOException {
        Path target = folder.resolve("out");
        try (LoadedModel loaded = LoadedModel.open(engine, CASES.resolve("mistral"), DType.F32, Parameters.Use.INFER, SETTINGS)) {
            HuggingFaceExporter exporter = new HuggingFaceExporter(loaded.config(), DType.F32, null, 1L << 30);
            LocalWeights weights = LocalWeights.values(loaded.parameters(), engine);
            IOException broken = assertThrows(IOException.class, () -> exporter.export(target, (tensor, from, count) -> {
                if (tensor.name().contains("layers.1")) {
                    throw new IOException("disk full");
                }
                return weights.read(tensor, from, count);
            }));
            assertEquals("disk full", broken.getMessage());
            try (Stream<Path> left = Files.list(folder)) {
                assertEquals(List.of(), left.toList());
            }
            exporter.export(target, weights);
            assertThrows(FileAlreadyExistsException.class, () -> exporter.export(target, weights));
        }
    }

    private Path copy(String name) throws IOException {
        Path target = Files.createDirectories(folder.resolve("copy-" + name));
        for (String file : List.of("config.json", "model.safetensors")) {
            Files.copy(CASES.resolve(name).resolve(file), target.resolve(file));
        }
        return target;
    }

    /** Writes the weights of a case anew. */
    private Path changed(String name, java.util.function.BiConsumer<List<TensorEntry>, Map<String, float[]>> change) throws IOException {
        Path target = copy(name);
        List<TensorEntry> entries = new ArrayList<>();
        Map<String, float[]> values = new LinkedHashMap<>(tensors(CASES.resolve(name)));
        try (SafetensorsFolder files = SafetensorsFolder.open(CASES.resolve(name))) {
            for (String tensor : files.names()) {
                entries.add(files.entry(tensor));
            }
        }
        change.accept(entries, values);
        try (SafetensorsWriter writer = SafetensorsWriter.create(target.resolve("model.safetensors"), entries, Map.of())) {
            for (TensorEntry entry : entries) {
                writer.writeFloats(entry.name(), values.get(entry.name()));
            }
            writer.commit();
        }
        return target;
    }

    private void assertRefused(Path directory, String... words) {
        IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class,
                () -> LoadedModel.open(engine, directory, DType.F32, Parameters.Use.INFER, SETTINGS).close());
        for (String word : words) {
            assertTrue(refusal.getMessage().contains(word), refusal.getMessage());
        }
    }

    @Test
    void tensorsThatDoNotFitAreNamed() throws IOException {
        assertRefused(changed("mistral", (entries, values) -> entries.removeIf(entry -> entry.name().equals("lm_head.weight"))), "missing lm_head.weight");
        assertRefused(changed("qwen3-wide-heads", (entries, values) -> {
            entries.add(new TensorEntry("model.layers.7.extra", DType.F32, ai.sparktron.trainer.tensor.Shape.of(1)));
            values.put("model.layers.7.extra", new float[1]);
        }), "unknown model.layers.7.extra");
        assertRefused(changed("llama-linear", (entries, values) -> entries.replaceAll(entry -> entry.name().equals("model.norm.weight")
                ? new TensorEntry(entry.name(), DType.F32, ai.sparktron.trainer.tensor.Shape.of(2, 16)) : entry)), "model.norm.weight", "[2, 16]", "[32]");
        assertRefused(changed("llama-bias", (entries, values) -> values.get("model.layers.1.mlp.up_proj.bias")[3] = Float.NaN),
                "model.layers.1.mlp.up_proj.bias", "NaN", "element 3", "model.safetensors");
    }

    @Test
    void weightsThatAreNoRealNumbersAreRefused() throws IOException {
        Path integers = copy("mistral");
        List<TensorEntry> entries = new ArrayList<>();
        try (SafetensorsFolder files = SafetensorsFolder.open(CASES.resolve("mistral"))) {
            for (String name : files.names()) {
                entries.add(new TensorEntry(name, DType.I32, files.entry(name).shape()));
            }
        }
        try (SafetensorsWriter writer = SafetensorsWriter.create(integers.resolve("model.safetensors"), entries, Map.of())) {
            for (TensorEntry entry : entries) {
                writer.write(entry.name(), java.nio.ByteBuffer.allocate((int) entry.sizeBytes()));
            }
            writer.commit();
        }
        assertRefused(integers, "model.embed_tokens.weight", "I32", "model.safetensors");
    }

    @Test
    void aCutFileIsRefused() throws IOException {
        Path cut = copy("qwen2-yarn-old");
        byte[] bytes = Files.readAllBytes(cut.resolve("model.safetensors"));
        Files.write(cut.resolve("model.safetensors"), java.util.Arrays.copyOf(bytes, bytes.length - 100));
        RuntimeException refusal = assertThrows(RuntimeException.class, () -> LoadedModel.open(engine, cut, DType.F32, Parameters.Use.INFER, SETTINGS));
        assertTrue(refusal.getMessage().contains("truncated") && refusal.getMessage().contains("model.safetensors"), refusal.getMessage());
    }

    @Test
    void aTiedModelMayCarryItsHeadAndOtherFloatTypesAreConverted() throws IOException {
        Path carrying = changed("qwen2-yarn-old", (entries, values) -> {
            entries.replaceAll(entry -> new TensorEntry(entry.name(), DType.F64, entry.shape()));
            entries.add(new TensorEntry("lm_head.weight", DType.F16, ai.sparktron.trainer.tensor.Shape.of(96, 32)));
            values.put("lm_head.weight", new float[96 * 32]);
        });
        export(carrying, folder.resolve("out"), DType.F32, DType.F32, 1L << 30);
        assertSame(tensors(CASES.resolve("qwen2-yarn-old")), tensors(folder.resolve("out")));
    }

    /** Half of the heads, of the feed-forward and of the vocabulary: the rows and columns a tensor-parallel rank would hold. */
    @Test
    void aRankLoadsItsSlice() throws IOException {
        Path directory = CASES.resolve("llama-bias");
        ModelConfig config = ai.sparktron.trainer.model.ConfigReader.read(directory);
        Slicing second = tensor -> {
            boolean vector = tensor.dims().size() == 1;
            boolean cutRows = !vector && cut(tensor, 0);
            boolean cutColumns = cut(tensor, tensor.dims().size() - 1);
            long rows = cutRows ? tensor.rows() / 2 : tensor.rows();
            long columns = cutColumns ? tensor.columns() / 2 : tensor.columns();
            return new TensorSlice(tensor, tensor.rows() - rows, rows, tensor.columns() - columns, columns);
        };
        StackArena run = StackArena.growing("run", engine.memory(), 1 << 16);
        try (Arena.Frame frame = run.open("slice")) {
            Parameters parameters = Parameters.allocate(DecoderSpecs.of(config), second, frame, DType.F32, Parameters.Use.INFER, 1);
            new HuggingFaceImporter(config, engine).load(directory, parameters);
            Map<String, float[]> whole = tensors(directory);
            int checked = 0;
            for (ParameterSpec spec : DecoderSpecs.of(config)) {
                for (int part = 0; part < spec.parts().size(); part++) {
                    TensorSlice slice = parameters.get(spec.name()).slices().get(part);
                    float[] held = read(parameters, spec.name(), part);
                    for (int i = 0; i < held.length; i++) {
                        long row = slice.firstRow() + i / slice.columns();
                        long column = slice.firstColumn() + i % slice.columns();
                        assertEquals(whole.get(slice.tensor().name())[(int) (row * slice.tensor().columns() + column)], held[i], slice.tensor().name());
                        checked++;
                    }
                }
            }
            assertTrue(checked > 10_000 && checked < config.parameterCount() * 0.6, "elements checked: " + checked);
        }
        run.close();
    }

    private float[] read(Parameters parameters, String name, int part) {
        ai.sparktron.trainer.tensor.Tensor tensor = parameters.get(name).part(part);
        java.nio.ByteBuffer bytes = java.nio.ByteBuffer.allocateDirect((int) tensor.sizeBytes()).order(java.nio.ByteOrder.nativeOrder());
        engine.read(tensor, bytes);
        bytes.position(0).limit(bytes.capacity());
        float[] values = new float[(int) tensor.elements()];
        bytes.asFloatBuffer().get(values);
        return values;
    }

    private static boolean cut(TensorSpec tensor, int dim) {
        return tensor.dims().get(dim).kind().mayBeCut();
    }

    @Test
    void precisionTestPassesRoundingAndFailsAWrongModel() throws IOException {
        Path source = CASES.resolve("qwen3");
        export(source, folder.resolve("rounded"), DType.F32, DType.BF16, 1L << 30);
        int[] tokens = {5, 17, 203, 9, 88, 4};
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        PrecisionTest test = new PrecisionTest(engine);
        PrecisionTest.Result exact = test.compare(source, source, tokens, new PrintStream(text));
        assertTrue(exact.passed() && exact.maxDifference() == 0 && exact.differentTokens() == 0);
        PrecisionTest.Result rounded = test.compare(source, folder.resolve("rounded"), tokens, new PrintStream(text));
        assertTrue(rounded.passed() && rounded.meanDifference() > 1e-4 && rounded.meanDifference() < 0.02, text.toString());
        Path wrong = changed("qwen3", (entries, values) -> java.util.Arrays.fill(values.get("model.layers.0.self_attn.q_norm.weight"), 0));
        assertFalse(test.compare(source, wrong, tokens, new PrintStream(text)).passed());
        assertTrue(text.toString().contains("mean_diff") && text.toString().contains("zero_count: 1") && text.toString().contains("FAILED"), text.toString());
    }
}
