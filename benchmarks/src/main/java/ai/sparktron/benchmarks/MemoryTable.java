package ai.sparktron.benchmarks;

import ai.sparktron.trainer.comm.InProcessWorld;
import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.config.Command;
import ai.sparktron.trainer.config.OptionParser;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;
import ai.sparktron.trainer.train.PeakMemory;
import ai.sparktron.trainer.train.RankContext;
import ai.sparktron.trainer.train.RunListener;
import ai.sparktron.trainer.train.RunPlan;
import ai.sparktron.trainer.train.RunResult;
import ai.sparktron.trainer.train.TrainRun;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Memory of the fullest rank of grids and recomputations, measured over two steps of the CPU engine in float32 with ranks as threads, beside what theory says. Prints
 * two tables: what lives as long as the run, of a model whose rows are short, and what forward leaves to backward, of one whose rows are long.
 *
 * <p>{@code MemoryTable [WORDS]}: only rows whose first two columns, as they are printed, have the words.
 */
public final class MemoryTable {

    private static final double MEBIBYTE = 1 << 20;
    private static final Duration DEADLINE = Duration.ofMinutes(2);

    /** Of the first table: layers and width; values of a layer and of all of the model are counted from config.json's numbers. */
    private static final Shape STATE = new Shape(24, 256, 4, 2, 64, 1024, 40, 20);
    /** Of the second table. */
    private static final Shape ACTIVE = new Shape(8, 128, 4, 4, 32, 384, 256, 1024);

    private final Path work;
    private final String wanted;
    private int runs;

    private MemoryTable(Path work, String wanted) {
        this.work = work;
        this.wanted = wanted;
    }

    /** Letters: L layers, D stream, H heads, G key/value heads, K head size, F feed-forward, V vocabulary, T tokens of a row. */
    private record Shape(int layers, int stream, int heads, int groups, int head, int ffn, int vocabulary, int tokens) {

        String config() {
            return "{\"architectures\": [\"Qwen3ForCausalLM\"], \"model_type\": \"qwen3\", \"hidden_size\": " + stream + ", \"intermediate_size\": " + ffn
                    + ", \"num_hidden_layers\": " + layers + ", \"num_attention_heads\": " + heads + ", \"num_key_value_heads\": " + groups + ", \"head_dim\": " + head
                    + ", \"vocab_size\": " + vocabulary + ", \"max_position_embeddings\": 4096, \"rms_norm_eps\": 1e-6, \"rope_theta\": 10000.0, \"tie_word_embeddings\": true,"
                    + " \"hidden_act\": \"silu\", \"torch_dtype\": \"float32\", \"initializer_range\": 0.02, \"eos_token_id\": 2}";
        }

        /** MiB of a layer's values. */
        double layer() {
            return mebibytes(2L * stream * heads * head + 2L * stream * groups * head + 3L * stream * ffn + 2L * stream + 2L * head);
        }

        /** MiB of all values. */
        double values() {
            return layers * layer() + mebibytes((long) vocabulary * stream + stream);
        }

        /** MiB of the two streams that a layer hands on, for so many tokens. */
        double streams(int ofTokens) {
            return mebibytes(2L * stream * ofTokens);
        }

        /** MiB of the rest that is kept of a layer outside of cut products: two inverse norms. */
        double norms(int ofTokens) {
            return mebibytes(2L * ofTokens);
        }

        /** MiB of attention's output and log-sum-exps. */
        double core(int ofTokens) {
            return mebibytes((long) ofTokens * (heads * head + heads));
        }

        /** MiB of [gate | up]. */
        double ffnInside(int ofTokens) {
            return mebibytes(2L * ffn * ofTokens);
        }

        /** MiB of what is kept inside cut products: [q | k | v], attention's output, [gate | up]. */
        double inside(int ofTokens) {
            return mebibytes((long) ofTokens * (heads + 2L * groups) * head) + core(ofTokens) + ffnInside(ofTokens);
        }

        /** MiB of all that is kept of a layer. */
        double kept(int ofTokens) {
            return streams(ofTokens) + norms(ofTokens) + inside(ofTokens);
        }

        private static double mebibytes(long floats) {
            return floats * Float.BYTES / MEBIBYTE;
        }
    }

    public static void main(String[] arguments) throws Exception {
        MemoryTable table = new MemoryTable(Files.createTempDirectory("memory"), String.join(" ", arguments));
        table.states();
        table.activations();
        // Engines leave threads behind.
        System.exit(0);
    }

    private void states() throws Exception {
        Shape shape = STATE;
        double all = shape.values();
        double layer = shape.layer();
        System.out.printf(Locale.ROOT, "%nV = %.1f MiB, a layer %.1f%n%n| ranks | shared out | MiB a rank | theory without activations | loss |%n|---|---|---|---|---|%n", all, layer);
        state("1", "nothing", 1, "--use_distributed_optimizer false", "4 V", 4 * all);
        state("4 data", "nothing (`no_shard`)", 4, sharing("no_shard"), "4 V", 4 * all);
        state("4 data", "optimizer state (`optim`)", 4, sharing("optim"), "2 V + 2 V / 4", 2.5 * all);
        state("4 data", "and gradients (`optim_grads`)", 4, sharing("optim_grads"), "V + 4 V / 4 + one layer", 2 * all + layer);
        state("4 data", "and parameters (`optim_grads_params`)", 4, sharing("optim_grads_params"), "4 V / 4 + two layers", all + 2 * layer);
        state("4 data", "and parameters, overlapped", 4, sharing("optim_grads_params") + " --overlap_grad_reduce true --overlap_param_gather true", "4 V / 4 + four layers",
                all + 4 * layer);
        state("8 data", "and parameters", 8, sharing("optim_grads_params"), "4 V / 8 + two layers", all / 2 + 2 * layer);
        state("2 tensor x 2 data", "optimizer state", 4, "--tensor_model_parallel_size 2", "(2 V + 2 V / 2) / 2", 1.5 * all);
        state("2 tensor x 2 data", "and parameters", 4, "--tensor_model_parallel_size 2 " + sharing("optim_grads_params"), "(4 V / 2) / 2 + two half layers", all + layer);
        state("2 stages", "nothing", 2, "--pipeline_model_parallel_size 2 --use_distributed_optimizer false", "4 V / 2", 2 * all);
        state("2 stages x 2 data", "optimizer state", 4, "--pipeline_model_parallel_size 2", "(2 V + 2 V / 2) / 2", 1.5 * all);
    }

    private static String sharing(String strategy) {
        return "--use_megatron_fsdp true --data_parallel_sharding_strategy " + strategy;
    }

    private void state(String ranks, String what, int count, String options, String formula, double theory) throws Exception {
        if (!(ranks + " | " + what).contains(wanted)) {
            return;
        }
        Measured measured = run(STATE, count, 8, options);
        System.out.printf(Locale.ROOT, "| %s | %s | %.1f | %s = %.1f | %.4f |%n", ranks, what, measured.memory().total() / MEBIBYTE, formula, theory, measured.loss());
    }

    private void activations() throws Exception {
        Shape shape = ACTIVE;
        int t = shape.tokens();
        int layers = shape.layers();
        double kept = shape.kept(t);
        System.out.printf(Locale.ROOT, "%na layer keeps k = %.2f MiB of a row of %d tokens, of that streams s = %.2f, attention's output c = %.2f, gate and up g = %.2f%n%n"
                + "| grid | recompute | activations, MiB | theory, layers alone | scratch of a call | loss |%n|---|---|---|---|---|---|%n", kept, t, shape.streams(t), shape.core(t),
                shape.ffnInside(t));
        row("1", "none", 1, "--recompute_granularity none", "8 k", layers * kept);
        row("1", "selective `core_attn`", 1, selective("core_attn"), "8 (k - c)", layers * (kept - shape.core(t)));
        row("1", "selective `mlp`", 1, selective("mlp"), "8 k - 7 g", layers * kept - (layers - 1) * shape.ffnInside(t));
        row("1", "selective `core_attn mlp`", 1, selective("core_attn mlp"), "8 (k - c) - 7 g", layers * (kept - shape.core(t)) - (layers - 1) * shape.ffnInside(t));
        row("1", "full, block of 4", 1, full("block", 4), "8 s + 4 (k - s)", layers * shape.streams(t) + 4 * (kept - shape.streams(t)));
        row("1", "full, uniform by 4", 1, full("uniform", 4), "s + 4 k", shape.streams(t) + 4 * kept);
        row("1", "full, uniform by 1", 1, full("uniform", 1), "8 s + k - s", layers * shape.streams(t) + kept - shape.streams(t));
        row("2 tensor", "none", 2, "--tensor_model_parallel_size 2", "8 (k + s) / 2, norms whole", layers * (shape.streams(t) + shape.norms(t) + shape.inside(t) / 2));
        row("2 tensor with sequence", "none", 2, "--tensor_model_parallel_size 2 --sequence_parallel true", "8 k / 2", layers * kept / 2);
        row("4 tensor with sequence", "none", 4, "--tensor_model_parallel_size 4 --sequence_parallel true", "8 k / 4", layers * kept / 4);
        row("2 context", "none", 2, "--context_parallel_size 2", "8 k / 2", layers * kept / 2);
        row("4 context", "none", 4, "--context_parallel_size 4", "8 k / 4", layers * kept / 4);
        row("2 stages, 8 micro-batches", "none", 2, "--pipeline_model_parallel_size 2", "2 in flight x 4 k", 2 * 4 * kept);
        row("4 stages, 8 micro-batches", "none", 4, "--pipeline_model_parallel_size 4", "4 in flight x 2 k", 4 * 2 * kept);
        row("2 stages of 2 chunks, 8 micro-batches", "none", 2, "--pipeline_model_parallel_size 2 --virtual_pipeline_model_parallel_size 2", "6 in flight x 2 k", 6 * 2 * kept);
        row("4 stages, 8 micro-batches", "full, uniform by 1", 4, "--pipeline_model_parallel_size 4 " + full("uniform", 1), "4 in flight x 2 s + k - s",
                4 * 2 * shape.streams(t) + kept - shape.streams(t));
        row("2 tensor with sequence x 2 context", "full, uniform by 1", 4, "--tensor_model_parallel_size 2 --sequence_parallel true --context_parallel_size 2 "
                + full("uniform", 1), "(8 s + k - s) / 4", (layers * shape.streams(t) + kept - shape.streams(t)) / 4);
    }

    private static String selective(String modules) {
        return "--recompute_granularity selective --recompute_modules " + modules;
    }

    private static String full(String method, int layers) {
        return "--recompute_granularity full --recompute_method " + method + " --recompute_num_layers " + layers;
    }

    private void row(String grid, String recompute, int ranks, String options, String formula, double theory) throws Exception {
        if (!(grid + " | " + recompute).contains(wanted)) {
            return;
        }
        Measured measured = run(ACTIVE, ranks, 8, options);
        System.out.printf(Locale.ROOT, "| %s | %s | %.1f | %s = %.1f | %.1f | %.4f |%n", grid, recompute, measured.memory().passes() / MEBIBYTE, formula, theory,
                measured.memory().calls() / MEBIBYTE, measured.loss());
    }

    /** Of the rank that takes most; the loss is the last step's. */
    private record Measured(PeakMemory memory, double loss) {
    }

    private Measured run(Shape shape, int ranks, int rowsOfStep, String more) throws Exception {
        Path folder = Files.createDirectories(work.resolve("run" + runs++));
        Path model = Files.createDirectories(folder.resolve("model"));
        Files.writeString(model.resolve("config.json"), shape.config());
        Path shards = GpuRun.shards(folder, model, shape.tokens(), rowsOfStep, shape.tokens());
        List<String> words = new ArrayList<>(List.of("--num_ranks", "" + ranks, "--micro_batch_size", "1", "--global_batch_size", "" + rowsOfStep, "--train_iters", "2",
                "--lr", "1e-4", "--max_length", "" + shape.tokens(), "--perform_initialization", "true", "--model", model.toString(), "--cached_dataset", shards.toString(),
                "--log_interval", "1", "--no_save_optim", "true", "--save_safetensors", "false", "--dataloader_type", "single"));
        words.addAll(Arrays.asList(more.split(" ")));
        Options options = OptionParser.parse(Command.PT, words.toArray(String[]::new), Map.of(), OptionParser.Completeness.COMPLETE);
        RunPlan plan = new RunPlan(options, model.toString(), model.toString(), List.of(shards.toString()), List.of(),
                Files.createDirectories(folder.resolve("saved")).toString(), "{}");
        Measured fullest = new Measured(new PeakMemory(0, 0, 0), 0);
        for (RunResult result : run(plan, ranks)) {
            PeakMemory most = fullest.memory();
            PeakMemory here = result.memory();
            fullest = new Measured(new PeakMemory(Math.max(most.run(), here.run()), Math.max(most.passes(), here.passes()), Math.max(most.calls(), here.calls())),
                    result.loss());
        }
        return fullest;
    }

    private static List<RunResult> run(RunPlan plan, int ranks) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(ranks);
        try {
            List<Future<RunResult>> running = new ArrayList<>();
            for (World world : InProcessWorld.create(ranks, DEADLINE)) {
                running.add(threads.submit(() -> {
                    try {
                        return new TrainRun(plan, new RankContext(world, Nd4jEngines.factory(Nd4jEngines.Face.HOST), 0, "memory", false, new RunListener() { })).run();
                    } catch (RuntimeException | Error e) {
                        world.abort(e);
                        throw e;
                    }
                }));
            }
            List<RunResult> results = new ArrayList<>();
            for (Future<RunResult> rank : running) {
                results.add(rank.get());
            }
            return results;
        } finally {
            threads.shutdownNow();
        }
    }
}
