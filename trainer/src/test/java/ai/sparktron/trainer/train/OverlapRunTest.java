package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.comm.BackgroundCollectives;
import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.comm.Transfer;
import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.tensor.Tensor;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Communication beside layers changes when things happen, and not one bit of what comes out. */
class OverlapRunTest extends TinyRunTest {

    private final List<String> events = Collections.synchronizedList(new ArrayList<>());

    private TinyRun.Listener run(String name, int ranks, String... words) throws Exception {
        TinyRun.Listener listener = new TinyRun.Listener();
        TinyRun.run(tiny.plan(TinyRun.options(words), train, validation, name), ranks, false, listener, Slow::new);
        return listener;
    }

    private static String[] words(int ranks, int tensor, String distributed, int bucket, String... more) {
        return Stream.concat(Stream.of("--num_ranks", "" + ranks, "--tensor_model_parallel_size", "" + tensor, "--use_distributed_optimizer", distributed,
                "--ddp_bucket_size", "" + bucket, "--eval_interval", "2", "--clip_grad", "0.3", "--train_iters", "5"), Stream.of(more)).toArray(String[]::new);
    }

    /** Buckets of one aligned unit a rank, of sizes that cut through parameters and across decayed and other ones, and one for all. */
    @ParameterizedTest
    @CsvSource({"2, 1, true, 1, false", "2, 1, true, 700, false", "3, 1, true, 1000, false", "2, 1, true, 1000000, false", "4, 2, true, 500, true",
        "2, 1, false, 700, false", "4, 2, false, 300, false"})
    void theSameBitsAsWithout(int ranks, int tensor, String distributed, int bucket, String sequence) throws Exception {
        String[] plain = words(ranks, tensor, distributed, bucket, "--sequence_parallel", sequence, "--global_batch_size", "" + 6 * ranks / tensor);
        requireTheSameBits(ranks, plain, distributed);
    }

    /** A model shared out, whose layers come in turn; of a pipeline with several chunks of layers and of layers that run again in backward, too. */
    @ParameterizedTest
    @CsvSource({"2, 1, 1, optim_grads_params, none", "3, 1, 1, optim_grads_params, uniform 1", "2, 1, 1, optim_grads_params, uniform 3",
        "4, 2, 1, optim_grads_params, uniform 2", "4, 1, 2, optim_grads_params, block 1", "2, 1, 1, optim_grads, none", "4, 1, 2, optim_grads, none"})
    void theSameBitsOfASharedModel(int ranks, int tensor, int stages, String strategy, String recompute) throws Exception {
        Path config = tiny.model.resolve("config.json");
        Files.writeString(config, Files.readString(config).replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 8").replace("\"tie_word_embeddings\": true",
                "\"tie_word_embeddings\": " + (ranks != 2)));
        Stream<String> again = recompute.equals("none") ? Stream.of() : Stream.of("--recompute_granularity", "full", "--recompute_method", recompute.split(" ")[0],
                "--recompute_num_layers", recompute.split(" ")[1]);
        Stream<String> shared = Stream.of("--use_megatron_fsdp", "true", "--data_parallel_sharding_strategy", strategy, "--pipeline_model_parallel_size", "" + stages,
                "--virtual_pipeline_model_parallel_size", "" + stages, "--micro_batch_size", "1", "--global_batch_size", "" + 4 * ranks);
        requireTheSameBits(ranks, words(ranks, tensor, "true", 700, Stream.concat(shared, again).toArray(String[]::new)), "true");
    }

    private void requireTheSameBits(int ranks, String[] plain, String gather) throws Exception {
        TinyRun.Listener without = run("without", ranks, plain);
        TinyRun.Listener with = run("with", ranks, Stream.concat(Stream.of(plain), Stream.of("--overlap_grad_reduce", "true", "--overlap_param_gather",
                gather)).toArray(String[]::new));
        assertArrayEquals(without.losses(), with.losses());
        assertArrayEquals(without.steps.stream().mapToDouble(step -> step.gradientNorm()).toArray(),
                with.steps.stream().mapToDouble(step -> step.gradientNorm()).toArray());
        assertEquals(without.evaluations.get(0).losses(), with.evaluations.get(0).losses());
        List<String> files = new ArrayList<>(List.of("last/model.safetensors"));
        for (int rank = 0; rank < ranks; rank++) {
            files.add("last/iter_0000005/state-0000" + rank + "-of-0000" + ranks + ".safetensors");
        }
        for (String file : files) {
            assertEquals(-1, Files.mismatch(directory.resolve("without").resolve(file), directory.resolve("with").resolve(file)), file);
        }
        assertTrue(events.stream().anyMatch(event -> event.startsWith("reduce")), "something ran in the background");
    }

    private static final String EXPERTS = "{\"architectures\":[\"Qwen2MoeForCausalLM\"],\"model_type\":\"qwen2_moe\",\"num_key_value_heads\":2,\"num_experts\":4,"
            + "\"num_experts_per_tok\":2,\"shared_expert_intermediate_size\":12,\"moe_intermediate_size\":8,\"hidden_size\":16,\"num_hidden_layers\":2,"
            + "\"num_attention_heads\":4,\"intermediate_size\":16,\"vocab_size\":40,\"max_position_embeddings\":64,\"initializer_range\":0.2,"
            + "\"tie_word_embeddings\":false,\"torch_dtype\":\"float32\",\"eos_token_id\":2}";

    /** Tokens travel to experts while the shared ones run, forward and backward, in evaluation and when layers run again. */
    @ParameterizedTest
    @CsvSource({"2, 1, 2, 1, none", "4, 2, 2, 2, none", "2, 2, 2, 1, uniform 1"})
    void theSameBitsWithSharedExpertsWhileTokensTravel(int ranks, int tensor, int parts, int cut, String recompute) throws Exception {
        Files.writeString(tiny.model.resolve("config.json"), EXPERTS);
        Stream<String> again = recompute.equals("none") ? Stream.of() : Stream.of("--recompute_granularity", "full", "--recompute_method", recompute.split(" ")[0],
                "--recompute_num_layers", recompute.split(" ")[1]);
        String[] plain = words(ranks, tensor, "true", 700, Stream.concat(again, Stream.of("--sequence_parallel", "true", "--expert_model_parallel_size", "" + parts,
                "--expert_tensor_parallel_size", "" + cut, "--micro_batch_size", "1", "--global_batch_size", "" + 4 * ranks / tensor)).toArray(String[]::new));
        TinyRun.Listener without = run("without", ranks, plain);
        assertTrue(events.isEmpty(), events.toString());
        TinyRun.Listener with = run("with", ranks, Stream.concat(Stream.of(plain), Stream.of("--moe_shared_expert_overlap", "true")).toArray(String[]::new));
        assertArrayEquals(without.losses(), with.losses());
        assertEquals(without.evaluations.get(0).losses(), with.evaluations.get(0).losses());
        assertEquals(-1, Files.mismatch(directory.resolve("without/last/model.safetensors"), directory.resolve("with/last/model.safetensors")));
        assertTrue(events.stream().filter("exchange 0"::equals).count() > 20, events.size() + " events, of exchanges there and back on two layers in five steps");
    }

    /** The cut into buckets decides who owns what, and no loss. */
    @Test
    void bucketsDoNotChangeTheLosses() throws Exception {
        double[] one = run("one", 1, words(1, 1, "true", 1)).losses();
        for (int bucket : new int[] {1, 900, 1_000_000}) {
            assertArrayEquals(one, run("two" + bucket, 2, words(2, 1, "true", bucket)).losses(), 1e-5);
        }
    }

    /** A checkpoint of one cut goes on with another, on other ranks. */
    @Test
    void continuesWithOtherBuckets() throws Exception {
        double[] whole = run("whole", 2, words(2, 1, "true", 700, "--lr_decay_style", "constant", "--train_iters", "6")).losses();
        run("before", 2, words(2, 1, "true", 700, "--lr_decay_style", "constant", "--train_iters", "3"));
        double[] after = run("after", 4, words(4, 2, "true", 300, "--lr_decay_style", "constant", "--train_iters", "6", "--overlap_grad_reduce", "true",
                "--overlap_param_gather", "true", "--load", directory.resolve("before").toString(), "--finetune", "false")).losses();
        for (int i = 0; i < 3; i++) {
            assertEquals(whole[3 + i], after[i], 1e-5);
        }
    }

    /** Of 20 or so buckets the last layers' begin while backward still runs, and values come while forward runs. */
    @Test
    void reductionBeginsInBackwardAndGatheringEndsInForward() throws Exception {
        run("timed", 2, words(2, 1, "true", 1, "--overlap_grad_reduce", "true", "--overlap_param_gather", "true"));
        List<String> ofRank = events.stream().filter(event -> event.endsWith(" 0")).toList();
        List<String> warmUp = List.of("reduce 0", "await 0");
        assertEquals(warmUp, ofRank.subList(0, warmUp.size()), "the group is used once before the first step");
        List<String> first = ofRank.subList(warmUp.size(), ofRank.size());
        int started = 0;
        while (first.get(started).startsWith("reduce")) {
            started++;
        }
        assertTrue(started > 5, "reductions started before the first was waited for: " + first.subList(0, 20));
        int gather = 0;
        while (!first.get(gather).startsWith("gather")) {
            gather++;
        }
        int gathers = 0;
        while (first.get(gather + gathers).startsWith("gather")) {
            gathers++;
        }
        assertEquals(started, gathers, "all are under way before the first is needed");
    }

    /** A world that notes what its background does, and is late: whoever does not wait for it works with old numbers. */
    private final class Slow implements World {
        private final World world;

        Slow(World world) {
            this.world = world;
        }

        @Override
        public int rank() {
            return world.rank();
        }

        @Override
        public int size() {
            return world.size();
        }

        @Override
        public Communicator group(String name, List<Integer> ranks) {
            Communicator group = world.group(name, ranks);
            return !name.endsWith("-background") ? group : (Communicator) Proxy.newProxyInstance(getClass().getClassLoader(),
                    new Class<?>[] {Communicator.class}, (proxy, method, arguments) -> {
                        if (method.getReturnType() == void.class) {
                            Thread.sleep(1);
                        }
                        return method.invoke(group, arguments);
                    });
        }

        @Override
        public BackgroundCollectives background(String name, List<Integer> ranks) {
            BackgroundCollectives fast = World.super.background(name, ranks);
            int rank = world.rank();
            return new BackgroundCollectives() {
                private Transfer told(String what, Transfer transfer) {
                    events.add(what + " " + rank);
                    return new Transfer() {
                        @Override
                        public void await() {
                            events.add("await " + rank);
                            transfer.await();
                        }

                        @Override
                        public boolean isDone() {
                            return transfer.isDone();
                        }
                    };
                }

                @Override
                public Transfer allReduce(Tensor tensor, Reduction reduction) {
                    return told("reduce", fast.allReduce(tensor, reduction));
                }

                @Override
                public Transfer allToAll(Tensor input, long[] sendCounts, Tensor output, long[] receiveCounts) {
                    return told("exchange", fast.allToAll(input, sendCounts, output, receiveCounts));
                }

                @Override
                public Transfer reduceScatter(Tensor input, Tensor output, Reduction reduction) {
                    return told("reduce", fast.reduceScatter(input, output, reduction));
                }

                @Override
                public Transfer allGather(Tensor input, Tensor output) {
                    return told("gather", fast.allGather(input, output));
                }

                @Override
                public void close() {
                    fast.close();
                }
            };
        }

        @Override
        public void requireAlive() {
            world.requireAlive();
        }

        @Override
        public void abort(Throwable cause) {
            world.abort(cause);
        }

        @Override
        public void close() {
            world.close();
        }
    }
}
