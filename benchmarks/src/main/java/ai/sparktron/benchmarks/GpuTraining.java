package ai.sparktron.benchmarks;

import ai.sparktron.packing.bin.Packing;
import ai.sparktron.packing.shard.PackedRowBuilder;
import ai.sparktron.packing.shard.ShardManifest;
import ai.sparktron.packing.shard.ShardMetadata;
import ai.sparktron.packing.shard.ShardWriter;
import ai.sparktron.trainer.checkpoint.SavedCheckpoint;
import ai.sparktron.trainer.comm.SelfWorld;
import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.config.Command;
import ai.sparktron.trainer.config.OptionParser;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.EngineFactory;
import ai.sparktron.trainer.kernels.cuda.CudaEngine;
import ai.sparktron.trainer.train.RankContext;
import ai.sparktron.trainer.train.RunListener;
import ai.sparktron.trainer.train.RunPlan;
import ai.sparktron.trainer.train.TrainRun;
import ai.sparktron.trainer.train.metrics.EvaluationMetrics;
import ai.sparktron.trainer.train.metrics.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A training run on one GPU as users make it, from shards to the optimizer's step, on random tokens: tokens per second, utilisation and peak memory of the steps after
 * the first ones. {@code peer/bench_torch.py} does the same with PyTorch.
 *
 * <p>{@code GpuTraining MODEL SEQUENCE ROWS [document=TOKENS] [warm=N] [steps=N] [--option value ...]}: MODEL a folder of {@code models/}, ROWS a micro-batch, which is
 * the whole step.
 */
public final class GpuTraining {

    private static final double H100_PEAK = 989.5e12;

    private GpuTraining() {
    }

    public static void main(String[] arguments) throws Exception {
        System.setProperty("java.awt.headless", "true");
        Path model = Path.of(arguments[0]);
        int sequence = Integer.parseInt(arguments[1]);
        int rows = Integer.parseInt(arguments[2]);
        List<String> words = new ArrayList<>(Arrays.asList(arguments).subList(3, arguments.length));
        int document = number(words, "document", sequence);
        int warm = number(words, "warm", 4);
        int steps = number(words, "steps", 8);
        Path work = Files.createTempDirectory("gpu-training");
        Path shards = shards(work, model, sequence, rows * (warm + steps), document);
        List<String> options = new ArrayList<>(List.of("--engine", "cuda", "--torch_dtype", "bfloat16", "--model", model.toString(), "--perform_initialization", "true",
                "--cached_dataset", shards.toString(), "--micro_batch_size", String.valueOf(rows), "--global_batch_size", String.valueOf(rows),
                "--train_iters", String.valueOf(warm + steps), "--lr", "1e-5", "--log_interval", "1", "--no_save_optim", "true", "--save_safetensors", "false",
                "--save", work.resolve("run").toString(), "--add_version", "false"));
        options.addAll(words);
        Options parsed = OptionParser.parse(Command.PT, options.toArray(String[]::new), Map.of(), OptionParser.Completeness.COMPLETE);
        Path run = Files.createDirectories(work.resolve("run"));
        RunPlan plan = new RunPlan(parsed, model.toString(), model.toString(), List.of(shards.toString()), List.of(), run.toString(), "{}");
        Figures figures = new Figures();
        CudaEngine.Settings settings = CudaEngine.Settings.usual().withDeterministic(parsed.kernels().deterministicMode());
        EngineFactory engines = ordinal -> figures.watch(CudaEngine.factory(settings).open(ordinal));
        try (World world = new SelfWorld()) {
            new TrainRun(plan, new RankContext(world, engines, 0, "benchmark", false, figures)).run();
        }
        figures.print(model.getFileName().toString(), sequence, rows, document, warm, words);
    }

    private static int number(List<String> words, String name, int otherwise) {
        for (String word : words) {
            if (word.startsWith(name + "=")) {
                words.remove(word);
                return Integer.parseInt(word.substring(name.length() + 1));
            }
        }
        return otherwise;
    }

    /** Rows of random tokens under {@code work}, whose documents all have the same length. */
    static Path shards(Path work, Path model, int sequence, int rows, int document) throws IOException {
        String config = Files.readString(model.resolve("config.json"));
        int vocabulary = Integer.parseInt(config.replaceAll("(?s).*\"vocab_size\":\\s*(\\d+).*", "$1"));
        Path folder = Files.createDirectories(work.resolve("shards"));
        ShardMetadata metadata = ShardMetadata.of("random", "random", vocabulary, sequence, Packing.BEST_FIT, 0);
        SplittableRandom random = new SplittableRandom(0);
        try (ShardWriter writer = ShardWriter.create(folder.resolve("part-00000.arrow"), metadata)) {
            PackedRowBuilder builder = new PackedRowBuilder();
            for (int row = 0; row < rows; row++) {
                builder.clear();
                for (int done = 0; done < sequence; done += document) {
                    int[] ids = random.ints(Math.min(document, sequence - done), 0, vocabulary).toArray();
                    builder.add(ids, ids, null);
                }
                writer.append(builder);
            }
            new ShardManifest(metadata, List.of(writer.finish())).write(folder);
        }
        return folder;
    }

    /** Times between reports of steps, which are made when the device has finished one. */
    private static final class Figures implements RunListener {
        private final List<Long> reported = new ArrayList<>();
        private Engine engine;
        private long freeAtStart;
        private long leastFree = Long.MAX_VALUE;
        private StepMetrics last;

        Engine watch(Engine opened) {
            engine = opened;
            freeAtStart = opened.freeBytes();
            return opened;
        }

        @Override
        public void line(String text) {
            if (text.contains("parameters")) {
                System.out.println(text);
            }
        }

        @Override
        public void phase(long iteration, String phase) {
            // Only reports are timed.
        }

        @Override
        public void step(StepMetrics metrics) {
            last = metrics;
            leastFree = Math.min(leastFree, engine.freeBytes());
            reported.add(System.nanoTime());
        }

        @Override
        public void evaluation(EvaluationMetrics metrics) {
            // There is none.
        }

        @Override
        public void saved(SavedCheckpoint checkpoint) {
            // Nothing is looked at.
        }

        void print(String model, int sequence, int rows, int document, int warm, List<String> words) {
            // Reports are late by as many steps as the host is ahead of the device, so that single ones say little.
            int timed = reported.size() - warm;
            double seconds = (reported.get(reported.size() - 1) - reported.get(warm - 1)) * 1e-9 / timed;
            double tokens = (double) sequence * rows;
            System.out.printf(Locale.ROOT, "{\"ours\": \"%s\", \"seq\": %d, \"mb\": %d, \"document\": %d, \"options\": \"%s\", \"ms\": %.1f, \"tok_s\": %.0f,"
                    + " \"mfu\": %.4f, \"arenas_gib\": %.2f, \"device_gib\": %.2f, \"loss\": %.4f, \"phases\": \"%s\"}%n", model, sequence, rows, document,
                    String.join(" ", words), seconds * 1e3, tokens / seconds, tokens / seconds * last.flopsPerToken() / H100_PEAK,
                    last.memoryBytes() / 1073741824.0, (freeAtStart - leastFree) / 1073741824.0, last.losses().get("loss"), last.phases());
        }
    }
}
