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
import ai.sparktron.trainer.kernels.cuda.CudaEngine;
import ai.sparktron.trainer.train.RankContext;
import ai.sparktron.trainer.train.RunListener;
import ai.sparktron.trainer.train.RunPlan;
import ai.sparktron.trainer.train.TrainRun;
import ai.sparktron.trainer.train.metrics.EvaluationMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;

/**
 * A training run on one GPU as users make it, from shards to the optimizer's step, on random tokens with random weights; nothing is saved.
 *
 * @param model    a folder with a config.json
 * @param sequence tokens of a row
 * @param rows     of a micro-batch, which is the whole step
 * @param document tokens of each document
 * @param warm     steps before those that are looked at
 * @param steps    that are looked at
 * @param words    further options
 */
record GpuRun(Path model, int sequence, int rows, int document, int warm, int steps, List<String> words) {

    /** Ends a run whose steps are all reported. */
    private static final class Finished extends RuntimeException {
        Finished() {
            super("the steps are done", null, false, false);
        }
    }

    /** Hears of steps. */
    abstract static class Listener implements RunListener {

        @Override
        public void line(String text) {
            if (text.contains("parameters")) {
                System.out.println(text);
            }
        }

        @Override
        public void phase(long iteration, String phase) {
            if (phase.equals("saving")) {
                throw new Finished();
            }
            begin(iteration);
        }

        /** A step begins, the first is 1. */
        abstract void begin(long step);

        @Override
        public void evaluation(EvaluationMetrics metrics) {
            throw new IllegalStateException("an evaluation without rows to evaluate");
        }

        @Override
        public void saved(SavedCheckpoint checkpoint) {
            throw new IllegalStateException("a save in a run that ends before it");
        }
    }

    /** {@code MODEL SEQUENCE ROWS [document=TOKENS] [warm=N] [steps=N] [--option value ...]} */
    static GpuRun of(String[] arguments) {
        List<String> words = new ArrayList<>(Arrays.asList(arguments).subList(3, arguments.length));
        int sequence = Integer.parseInt(arguments[1]);
        return new GpuRun(Path.of(arguments[0]), sequence, Integer.parseInt(arguments[2]), number(words, "document", sequence), number(words, "warm", 4),
                number(words, "steps", 8), words);
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

    /** Trains. @param used what the run is given of an engine */
    void run(Function<CudaEngine, Engine> used, Listener listener) throws IOException {
        System.setProperty("java.awt.headless", "true");
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
        CudaEngine.Settings settings = CudaEngine.Settings.usual().withDeterministic(parsed.kernels().deterministicMode());
        try (World world = new SelfWorld()) {
            new TrainRun(plan, new RankContext(world, ordinal -> used.apply((CudaEngine) CudaEngine.factory(settings).open(ordinal)), 0, "benchmark", false, listener)).run();
            throw new IllegalStateException("a run that was to end before its save has saved");
        } catch (Finished done) {
            // All is reported.
        }
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
}
