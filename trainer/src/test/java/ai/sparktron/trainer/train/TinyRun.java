package ai.sparktron.trainer.train;

import ai.sparktron.packing.bin.Packing;
import ai.sparktron.packing.shard.PackedRowBuilder;
import ai.sparktron.packing.shard.ShardManifest;
import ai.sparktron.packing.shard.ShardMetadata;
import ai.sparktron.packing.shard.ShardWriter;
import ai.sparktron.trainer.checkpoint.SavedCheckpoint;
import ai.sparktron.trainer.comm.InProcessWorld;
import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.config.Command;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.kernels.EngineFactory;
import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;
import ai.sparktron.trainer.train.metrics.EvaluationMetrics;
import ai.sparktron.trainer.train.metrics.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.UnaryOperator;

/** A run small enough for tests: a two-layer model, rows whose next token is a function of the present one, ranks as threads. */
final class TinyRun {

    static final int VOCABULARY = 40;
    private static final String CONFIG = """
            {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
             "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 40, "max_position_embeddings": 64, "rms_norm_eps": 1e-6,
             "rope_theta": 10000.0, "tie_word_embeddings": true, "hidden_act": "silu", "torch_dtype": "float32", "initializer_range": 0.1,
             "eos_token_id": 2}
            """;

    final Path directory;
    final Path model;

    TinyRun(Path directory) throws IOException {
        this.directory = directory;
        this.model = Files.createDirectories(directory.resolve("model"));
        Files.writeString(model.resolve("config.json"), CONFIG);
    }

    /** Rows of 6 to 20 tokens in documents of at least 3; the first third of each document is not trained. */
    Path shards(String name, int rows, long seed) throws IOException {
        Path folder = Files.createDirectories(directory.resolve(name));
        Random random = new Random(seed);
        ShardMetadata metadata = ShardMetadata.of("tokenizer", "template", VOCABULARY, 20, Packing.BEST_FIT, seed);
        try (ShardWriter writer = ShardWriter.create(folder.resolve("part-00000.arrow"), metadata)) {
            for (int row = 0; row < rows; row++) {
                PackedRowBuilder builder = new PackedRowBuilder();
                for (int document = 0; document <= row % 2; document++) {
                    int length = 3 + random.nextInt(8);
                    int[] ids = new int[length];
                    int[] labels = new int[length];
                    ids[0] = 3 + random.nextInt(VOCABULARY - 3);
                    for (int t = 1; t < length; t++) {
                        ids[t] = 3 + (ids[t - 1] * 7 + 5) % (VOCABULARY - 3);
                    }
                    for (int t = 0; t < length; t++) {
                        labels[t] = t < length / 3 || t == 0 ? PackedRowBuilder.IGNORED : ids[t];
                    }
                    builder.add(ids, labels, null);
                }
                writer.append(builder);
            }
            new ShardManifest(metadata, List.of(writer.finish())).write(folder);
        }
        return folder;
    }

    /** Options of a short run; later words win. Values of a list are one text with spaces. */
    static Options options(String... words) {
        return options(Command.SFT, words);
    }

    /** The same of another command. */
    static Options options(Command command, String... words) {
        List<String> all = new ArrayList<>(List.of("--micro_batch_size", "2", "--global_batch_size", "8", "--lr", "3e-3",
                "--lr_warmup_iters", "2", "--train_iters", "6", "--log_interval", "1", "--save_interval", "100"));
        for (int i = 0; i < words.length; i += 2) {
            int old = all.indexOf(words[i]);
            if (old >= 0) {
                all.set(old + 1, words[i + 1]);
            } else {
                all.addAll(List.of(words[i], words[i + 1]));
            }
        }
        if (!all.contains("--load")) {
            all.addAll(List.of("--perform_initialization", "true"));
        }
        return Options.of(command, String.join(" ", all).split(" "));
    }

    RunPlan plan(Options options, Path train, Path validation, String run) throws IOException {
        return new RunPlan(options, model.toString(), model.toString(), List.of(train.toString()), validation == null ? List.of() : List.of(validation.toString()),
                Files.createDirectories(directory.resolve(run)).toString(), "{}");
    }

    /** What rank 0 was told, and a place to make trouble. */
    static class Listener implements RunListener {
        final List<StepMetrics> steps = Collections.synchronizedList(new ArrayList<>());
        final List<EvaluationMetrics> evaluations = Collections.synchronizedList(new ArrayList<>());
        final List<SavedCheckpoint> saved = Collections.synchronizedList(new ArrayList<>());
        final List<String> lines = Collections.synchronizedList(new ArrayList<>());

        @Override
        public void line(String text) {
            lines.add(text);
        }

        @Override
        public void step(StepMetrics metrics) {
            steps.add(metrics);
        }

        @Override
        public void evaluation(EvaluationMetrics metrics) {
            evaluations.add(metrics);
        }

        @Override
        public void saved(SavedCheckpoint checkpoint) {
            saved.add(checkpoint);
        }

        double[] losses() {
            return steps.stream().mapToDouble(step -> step.losses().get("loss")).toArray();
        }
    }

    /** Runs all ranks as threads and gives the first rank's result; the first failure of a rank is thrown. */
    static RunResult run(RunPlan plan, int ranks, boolean resume, Listener listener) throws Exception {
        return run(plan, ranks, resume, listener, world -> world);
    }

    /** As the other, with each rank's world seen through something. */
    static RunResult run(RunPlan plan, int ranks, boolean resume, Listener listener, UnaryOperator<World> seen) throws Exception {
        EngineFactory engines = Nd4jEngines.factory(Nd4jEngines.Face.HOST);
        List<World> worlds = InProcessWorld.create(ranks, Duration.ofSeconds(30));
        ExecutorService threads = Executors.newFixedThreadPool(ranks);
        try {
            List<Future<RunResult>> results = new ArrayList<>();
            for (World world : worlds) {
                results.add(threads.submit(() -> {
                    try {
                        return new TrainRun(plan, new RankContext(seen.apply(world), engines, 0, "a" + (resume ? 1 : 0), resume, listener)).run();
                    } catch (RuntimeException | Error e) {
                        world.abort(e);
                        throw e;
                    }
                }));
            }
            RunResult first = null;
            for (Future<RunResult> result : results) {
                first = first == null ? result.get() : first;
                result.get();
            }
            return first;
        } catch (ExecutionException e) {
            throw e.getCause() instanceof Exception cause ? cause : e;
        } finally {
            threads.shutdownNow();
        }
    }
}
