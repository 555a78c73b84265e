package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.checkpoint.CheckpointStore;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.convert.LoadedModel;
import ai.sparktron.trainer.convert.PeftAdapter;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;
import ai.sparktron.trainer.layer.HostTokens;
import ai.sparktron.trainer.layer.Pass;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.SafetensorsFile;
import ai.sparktron.trainer.tensor.Tensor;
import ai.sparktron.trainer.tuner.PeftConfig;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Runs that train low-rank additions: on every grid the numbers of one rank, with dropout; what is saved, and how it goes on. */
class LoraRunTest {

    @TempDir
    private Path directory;
    private TinyRun tiny;
    private Path train;
    private Path validation;
    private Path base;

    @BeforeEach
    void prepare() throws Exception {
        tiny = new TinyRun(directory);
        train = tiny.shards("train", 40, 1);
        validation = tiny.shards("validation", 5, 2);
        TinyRun.run(tiny.plan(TinyRun.options("--train_iters", "4"), train, null, "base"), 1, false, new TinyRun.Listener());
        base = CheckpointStore.open(directory.resolve("base")).directory();
    }

    private TinyRun.Listener run(String name, int ranks, String... words) throws Exception {
        List<String> all = new ArrayList<>(List.of("--train_type", "lora", "--lora_dropout", "0.2", "--lora_rank", "3", "--lr", "1e-2", "--num_ranks",
                Integer.toString(ranks), "--load", base.toString(), "--lr_decay_style", "constant"));
        for (int i = 0; i < words.length; i += 2) {
            int old = all.indexOf(words[i]);
            if (old >= 0) {
                all.set(old + 1, words[i + 1]);
            } else {
                all.addAll(List.of(words[i], words[i + 1]));
            }
        }
        Options options = TinyRun.options(all.toArray(new String[0]));
        TinyRun.Listener listener = new TinyRun.Listener();
        TinyRun.run(tiny.plan(options, train, validation, name), ranks, false, listener);
        return listener;
    }

    private Path last(String run) {
        return CheckpointStore.open(directory.resolve(run)).directory();
    }

    private static void assertSameTensors(Path one, Path many, float tolerance) throws IOException {
        try (SafetensorsFile expected = SafetensorsFile.open(one); SafetensorsFile found = SafetensorsFile.open(many)) {
            assertEquals(List.copyOf(expected.names()), List.copyOf(found.names()));
            for (String name : expected.names()) {
                assertEquals(expected.entry(name).shape(), found.entry(name).shape());
                assertArrayEquals(expected.readFloats(name), found.readFloats(name), tolerance, name);
            }
        }
    }

    /** Losses, norms (what is whole counted once), evaluation without dropout, and what is saved; the mask of dropout shows in all of them. */
    @ParameterizedTest
    @CsvSource({"2, 2, 1, false, 2", "4, 2, 1, true, 1", "2, 1, 2, false, 2", "4, 2, 2, true, 2"})
    void theNumbersOfOneRank(int ranks, int tensor, int context, String sequence, String rows) throws Exception {
        String[] targets = {"--target_modules", "all-linear all-embedding", "--lora_bias", "all", "--clip_grad", "0.5", "--eval_interval", "3"};
        TinyRun.Listener one = run("one", 1, targets);
        List<String> words = new ArrayList<>(List.of(targets));
        words.addAll(List.of("--tensor_model_parallel_size", Integer.toString(tensor), "--context_parallel_size", Integer.toString(context), "--sequence_parallel", sequence,
                "--micro_batch_size", rows));
        TinyRun.Listener many = run("many", ranks, words.toArray(new String[0]));
        assertArrayEquals(one.losses(), many.losses(), 2e-5);
        for (int i = 0; i < one.steps.size(); i++) {
            assertEquals(one.steps.get(i).gradientNorm(), many.steps.get(i).gradientNorm(), 1e-4 * one.steps.get(i).gradientNorm(), "norm of step " + i);
        }
        assertEquals(one.evaluations.get(1).losses().get("loss"), many.evaluations.get(1).losses().get("loss"), 2e-5);
        assertSameTensors(last("one").resolve(PeftAdapter.FILE), last("many").resolve(PeftAdapter.FILE), 2e-4f);
    }

    @Test
    void dropoutIsAtWorkAndRecomputingShowsNothingOfIt() throws Exception {
        double[] with = run("with", 1).losses();
        double[] without = run("without", 1, "--lora_dropout", "0").losses();
        assertEquals(with[0], without[0], "B is zero in the first step");
        assertTrue(Math.abs(with[4] - without[4]) > 1e-4, with[4] + " with, " + without[4] + " without");
        assertArrayEquals(with, run("again", 1, "--recompute_granularity", "full", "--recompute_method", "uniform", "--recompute_num_layers", "1").losses());
        assertArrayEquals(with, run("small", 1, "--micro_batch_size", "1").losses(), 1e-5, "rows of a micro-batch");
    }

    @Test
    void onlyWhatIsTrainedIsSavedAndCounted() throws Exception {
        TinyRun.Listener listener = run("run", 1);
        Path saved = last("run");
        assertFalse(Files.exists(saved.resolve("model.safetensors")));
        assertEquals(3, PeftConfig.read(saved).rank());
        assertEquals(0.2, PeftConfig.read(saved).dropout());
        int checked = 0;
        try (SafetensorsFile state = SafetensorsFile.open(saved.resolve("iter_0000006/state-00000-of-00001.safetensors"))) {
            for (String name : state.names()) {
                assertTrue(name.contains("lora_"), name);
                checked++;
            }
        }
        assertEquals(3 * 2 * 14, checked, "value and two moments of A and B of seven tensors in two layers");
        assertTrue(listener.lines.stream().anyMatch(line -> line.matches("[\\d,]+ of [\\d,]+ parameters are trained \\(.*%\\)")), listener.lines.toString());
        assertTrue(listener.lines.stream().anyMatch(line -> line.contains("decoder.layers.*.self_attention.linear_qkv.lora_A.weight")), listener.lines.toString());
    }

    @Test
    void aRunGoesOnWithTheSameBits() throws Exception {
        run("whole", 2, "--modules_to_save", "word_embeddings", "--save_interval", "3");
        run("rest", 2, "--modules_to_save", "word_embeddings", "--adapter_load", directory.resolve("whole/checkpoint-3").toString(), "--finetune", "false");
        for (int rank = 0; rank < 2; rank++) {
            String file = "iter_0000006/state-0000" + rank + "-of-00002.safetensors";
            assertEquals(-1, Files.mismatch(last("whole").resolve(file), last("rest").resolve(file)), file);
        }
        assertEquals(-1, Files.mismatch(last("whole").resolve(PeftAdapter.FILE), last("rest").resolve(PeftAdapter.FILE)), "adapter");
    }

    /** What an adapter says of itself goes before the options. */
    @Test
    void goesOnFromAnAdaptersWeights() throws Exception {
        run("first", 1, "--target_modules", "q_proj down_proj", "--lora_rank", "2", "--lora_alpha", "5", "--lora_dropout", "0");
        double[] more = run("more", 1, "--adapter_load", directory.resolve("first").toString()).losses();
        assertTrue(more[0] < 3.6, "not from the beginning: " + more[0]);
        PeftConfig saved = PeftConfig.read(last("more"));
        assertEquals(List.of("down_proj", "q_proj"), saved.targetModules());
        assertEquals(2, saved.rank());
        assertEquals(5, saved.alpha());
        assertEquals(0, saved.dropout());
    }

    private static float[] logits(Path model, Path adapter) throws IOException {
        int[] ids = {5, 17, 30, 9, 22, 4};
        try (Engine engine = Nd4jEngines.factory(Nd4jEngines.Face.HOST).open(0)) {
            LoadedModel.Settings settings = LoadedModel.Settings.of(ids.length);
            try (LoadedModel loaded = LoadedModel.open(engine, model, DType.F32, Parameters.Use.INFER, adapter == null ? settings : settings.with(adapter, LoadedModel.Settings.AdapterUse.BESIDE));
                    Arena.Frame frame = loaded.scratch().open("test");
                    Pass pass = loaded.model().begin(HostTokens.sequence(ids, 0), null, loaded.microBatch(), loaded.scratch())) {
                Tensor logits = frame.tensor("logits", DType.F32, ids.length, TinyRun.VOCABULARY);
                loaded.model().logits(pass, 0, ids.length, logits);
                ByteBuffer bytes = ByteBuffer.allocateDirect((int) logits.sizeBytes()).order(ByteOrder.nativeOrder());
                engine.read(logits, bytes);
                float[] values = new float[(int) logits.elements()];
                bytes.flip().limit(bytes.capacity());
                bytes.asFloatBuffer().get(values);
                return values;
            }
        }
    }

    @Test
    void theMergedModelAnswersAsTheModelWithItsAdapter() throws Exception {
        run("run", 2, "--merge_lora", "true", "--tensor_model_parallel_size", "2", "--modules_to_save", "embed_tokens", "--use_rslora", "true");
        float[] beside = logits(base, last("run"));
        assertArrayEquals(beside, logits(last("run").resolve("merged"), null), 1e-4f);
        float[] alone = logits(base, null);
        float most = 0;
        for (int i = 0; i < alone.length; i++) {
            most = Math.max(most, Math.abs(alone[i] - beside[i]));
        }
        assertTrue(most > 0.05, "the adapter changes something: " + most);
    }

    @Test
    void anAdapterOfAnotherModelIsRefused() throws Exception {
        run("first", 1);
        Path other = directory.resolve("other");
        Files.createDirectories(other);
        Files.writeString(tiny.model.resolve("config.json"), Files.readString(tiny.model.resolve("config.json")).replace("\"intermediate_size\": 32", "\"intermediate_size\": 64"));
        Exception refused = assertThrows(Exception.class, () -> TinyRun.run(tiny.plan(TinyRun.options("--train_type", "lora", "--adapter_load",
                directory.resolve("first").toString()), train, null, "other"), 1, false, new TinyRun.Listener()));
        assertTrue(refused.getMessage().contains("does not fit the model") && refused.getMessage().contains("down_proj"), refused.getMessage());
    }

    /** A full run with a frozen embedding: it is where it was, and the run goes on with the same bits although checkpoints hold nothing of it. */
    @Test
    void frozenParametersStayAndRunsGoOn() throws Exception {
        String[] words = {"--freeze_parameters", "embedding. decoder.layers.0.", "--lr_decay_style", "constant"};
        List<String> straight = new ArrayList<>(List.of(words));
        straight.addAll(List.of("--load", base.toString(), "--save_interval", "3"));
        TinyRun.run(tiny.plan(TinyRun.options(straight.toArray(new String[0])), train, null, "straight"), 1, false, new TinyRun.Listener());
        List<String> rest = new ArrayList<>(List.of(words));
        rest.addAll(List.of("--load", directory.resolve("straight/checkpoint-3").toString(), "--finetune", "false"));
        TinyRun.run(tiny.plan(TinyRun.options(rest.toArray(new String[0])), train, null, "rest"), 1, false, new TinyRun.Listener());
        assertEquals(-1, Files.mismatch(last("straight").resolve("model.safetensors"), last("rest").resolve("model.safetensors")));
        try (SafetensorsFile before = SafetensorsFile.open(base.resolve("model.safetensors"));
                SafetensorsFile after = SafetensorsFile.open(last("straight").resolve("model.safetensors"))) {
            for (String name : before.names()) {
                boolean frozen = name.contains("embed_tokens") || name.contains("layers.0.");
                assertEquals(frozen, Arrays.equals(before.readFloats(name), after.readFloats(name)), name);
            }
        }
    }
}
