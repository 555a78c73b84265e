package ai.sparktron.trainer.train;

import ai.sparktron.trainer.train.Grid.Experts;
import ai.sparktron.trainer.train.Grid.Sharing;
import ai.sparktron.trainer.train.GridLab.Task;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/**
 * A model, rows and a grid that fits them, drawn from a seed.
 *
 * @param grid up to eight ranks
 * @param task with as many rows as the global batch has
 */
record RandomGrid(Grid grid, Task task) {

    private static final int MAX_RANKS = 8;

    static RandomGrid of(long seed) {
        return new Draw(new Random(seed * 0x9E3779B97F4A7C15L + 1)).all(seed);
    }

    @Override
    public String toString() {
        return grid + ", " + task.options() + ", " + task.json();
    }

    private static final class Draw {
        private final Random random;

        Draw(Random random) {
            this.random = random;
        }

        private int from(int low, int high) {
            return low + random.nextInt(high - low + 1);
        }

        private boolean flip() {
            return random.nextBoolean();
        }

        @SafeVarargs
        private <T> T one(T... of) {
            return of[random.nextInt(of.length)];
        }

        RandomGrid all(long seed) {
            int[] ranks = axes();
            int tensor = ranks[0];
            int context = ranks[1];
            int data = ranks[2];
            int stages = ranks[3];
            int kvHeads = tensor * from(1, 3);
            boolean headsFit = kvHeads % (tensor * context) == 0;
            int vocabulary = tensor * from(5, 12);
            boolean oneRowOrReplica = flip();
            int rowsTogether = oneRowOrReplica && data > 1 ? 1 : from(1, 3);
            int microBatches = from(1, 6);
            int globalRows = rowsTogether * data * microBatches;
            boolean interleaves = stages > 1 && (microBatches < stages || microBatches % stages == 0) && flip();
            int[] stretches = stretches(interleaves ? 2 * stages : stages);
            boolean mixture = random.nextInt(3) == 0;
            Experts experts = mixture ? experts(tensor * context * data) : Experts.WHOLE;
            // Experts need sequence parallelism beside tensor parallelism; a model that is shared out whole has none that lie apart.
            boolean sequence = tensor > 1 && (mixture || flip());
            Sharing[] sharing = mixture && tensor * experts.parts() * experts.cut() > 1
                    ? new Sharing[] {Sharing.REPLICAS, Sharing.OPTIMIZER, Sharing.OPTIMIZER_IN_BUCKETS} : Sharing.values();
            Grid grid = new Grid(tensor, sequence, stages, interleaves ? 2 : 1, context, data, headsFit && flip() ? "a2a" : one("p2p", "all_gather"), one(sharing))
                    .with(experts).laidOut(stages > 1 ? layout(stretches) : "");
            List<String> options = new ArrayList<>(List.of("--micro_batch_size", "" + rowsTogether, "--global_batch_size", "" + globalRows));
            options.addAll(recompute());
            if (data == 1 && flip()) {
                options.addAll(List.of("--calculate_per_token_loss", "false"));
            }
            boolean sameBatches = rowsTogether == 1 || data == 1;
            if (mixture && sameBatches) {
                options.addAll(List.of("--moe_aux_loss_coeff", one("0", "0.1"), "--moe_z_loss_coeff", one("0", "0.1"), "--moe_router_load_balancing_type",
                        one("aux_loss", "seq_aux_loss")));
            }
            String json = model(tensor, kvHeads, vocabulary, Arrays.stream(stretches).sum(), sameBatches, mixture ? mixture(tensor, experts) : "");
            int longest = from(2, 40);
            return new RandomGrid(grid, new Task(json, GridLab.rows(globalRows, new int[] {from(1, longest), longest}, vocabulary, seed), options));
        }

        /** Sizes of tensor, context, data and pipeline. */
        private int[] axes() {
            int[] sizes = new int[4];
            int ranks;
            do {
                sizes[0] = one(1, 1, 2, 2, 3, 4);
                sizes[1] = one(1, 1, 2, 2, 3, 4, 5);
                sizes[2] = one(1, 1, 2, 3, 4);
                sizes[3] = one(1, 1, 2, 2, 3, 4);
                ranks = sizes[0] * sizes[1] * sizes[2] * sizes[3];
            } while (ranks > MAX_RANKS || ranks == 1);
            return sizes;
        }

        /** A fold of so many ranks. */
        private Experts experts(int ranks) {
            int parts;
            int cut;
            do {
                parts = one(1, 2, 2, 3, 4, 8);
                cut = one(1, 1, 2);
            } while (ranks % (parts * cut) != 0);
            return new Experts(parts, cut, one("alltoall", "allgather"));
        }

        /** Layers of each stretch: some of the first and the last have none. */
        private int[] stretches(int count) {
            int[] layers = new int[count];
            for (int stretch = 0; stretch < count; stretch++) {
                boolean mayBeEmpty = count > 2 && (stretch == 0 || stretch == count - 1);
                layers[stretch] = count == 1 ? from(1, 4) : from(mayBeEmpty ? 0 : 1, 2);
            }
            return layers;
        }

        private static String layout(int[] stretches) {
            StringBuilder text = new StringBuilder("E");
            for (int stretch = 0; stretch < stretches.length; stretch++) {
                text.append(stretch == 0 ? "" : "|").append("t".repeat(stretches[stretch]));
            }
            return text.append("L").toString();
        }

        private List<String> recompute() {
            return switch (random.nextInt(4)) {
                case 0 -> List.of("--recompute_granularity", "full", "--recompute_method", one("uniform", "block"), "--recompute_num_layers", "" + from(1, 3));
                case 1 -> List.of("--recompute_granularity", "selective", "--recompute_modules", one("mlp", "layernorm", "core_attn"));
                default -> List.of("--recompute_granularity", "none");
            };
        }

        private String mixture(int tensor, Experts experts) {
            int count = experts.parts() * from(1, 3);
            return String.format(Locale.ROOT, ",\"num_experts\":%d,\"num_experts_per_tok\":%d,\"moe_intermediate_size\":%d,\"shared_expert_intermediate_size\":%d,"
                    + "\"norm_topk_prob\":%s", count, from(1, Math.min(3, count)), experts.cut() * from(1, 5), tensor * from(1, 6), flip());
        }

        /**
         * @param reachIsTheRows whether a micro-batch has the same rows on every grid, so that its length may matter
         * @param mixture        its experts, empty for none
         */
        private String model(int tensor, int kvHeads, int vocabulary, int layers, boolean reachIsTheRows, String mixture) {
            String rope = reachIsTheRows && random.nextInt(4) == 0 ? ",\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":2.0},\"max_position_embeddings\":12"
                    : ",\"max_position_embeddings\":64";
            return String.format(Locale.ROOT, "{\"model_type\":\"%s\",\"attention_bias\":%s,\"mlp_bias\":%s,\"tie_word_embeddings\":%s,\"hidden_size\":%d,\"num_hidden_layers\":%d,"
                    + "\"num_attention_heads\":%d,\"num_key_value_heads\":%d,\"head_dim\":%d,\"intermediate_size\":%d,\"vocab_size\":%d,\"initializer_range\":0.2,"
                    + "\"sliding_window\":null%s%s}", mixture.isEmpty() ? one("qwen2", "qwen3", "llama", "mistral") : one("qwen2_moe", "qwen3_moe"), flip(), flip(), flip(), 2 * from(2, 12), layers, kvHeads * from(1, 3), kvHeads,
                    2 * from(1, 5), tensor * from(2, 9), vocabulary, rope, mixture);
        }
    }
}
