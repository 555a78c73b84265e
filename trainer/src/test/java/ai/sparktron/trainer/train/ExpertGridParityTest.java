package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.train.Grid.Experts;
import ai.sparktron.trainer.train.Grid.Sharing;
import ai.sparktron.trainer.train.GridLab.Task;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Experts dealt and cut over every grid that fits eight ranks: the loss and all gradients of one rank, and after some steps of AdamW the same losses. */
class ExpertGridParityTest {

    private static final int RANKS = 8;
    private static final int STEPS = 3;
    private static final double TOLERANCE = 1e-5;
    private static final List<Sharing> SHARING = List.of(Sharing.REPLICAS, Sharing.OPTIMIZER, Sharing.OPTIMIZER_IN_BUCKETS);

    private static final String SHAPE = "\"hidden_size\":16,\"num_hidden_layers\":4,\"num_attention_heads\":4,\"intermediate_size\":24,\"moe_intermediate_size\":8,"
            + "\"num_experts_per_tok\":3,\"vocab_size\":40,\"max_position_embeddings\":64,\"initializer_range\":0.2,\"tie_word_embeddings\":false";

    /** Mixtures of eight experts. */
    enum Model {
        /** Softmax, shared experts with a gate. */
        QWEN("--moe_aux_loss_coeff 0.05 --moe_z_loss_coeff 0.02", "{\"model_type\":\"qwen2_moe\",\"num_key_value_heads\":2,\"head_dim\":4,\"num_experts\":8,\"shared_expert_intermediate_size\":12," + SHAPE + "}"),
        /** Sigmoid, groups, a bias, a dense layer, shared experts, latent attention, two layers that predict further tokens. */
        DEEPSEEK("--mtp_num_layers 2 --mtp_loss_scaling_factor 0.6 --moe_aux_loss_coeff 0.05 --moe_router_load_balancing_type seq_aux_loss", "{\"model_type\":\"deepseek_v3\",\"num_key_value_heads\":4,\"n_routed_experts\":8,\"n_shared_experts\":1,\"n_group\":4,\"topk_group\":2,"
                + "\"first_k_dense_replace\":1,\"routed_scaling_factor\":2.5,\"norm_topk_prob\":true,\"q_lora_rank\":8,\"kv_lora_rank\":8,\"qk_nope_head_dim\":4,"
                + "\"num_nextn_predict_layers\":2,\"qk_rope_head_dim\":4,\"v_head_dim\":4," + SHAPE + "}");

        private final String balancing;
        private final String json;

        Model(String balancing, String json) {
            this.balancing = balancing;
            this.json = json;
        }

        Task task() {
            List<String> options = new ArrayList<>(List.of("--micro_batch_size", "1", "--global_batch_size", "" + RANKS));
            options.addAll(List.of(balancing.split(" ")));
            return new Task(json, GridLab.rows(RANKS * STEPS, new int[] {9, 26}, 40, 1), options);
        }
    }

    /** All grids whose experts can be dealt; dispatchers and what replicas share take turns. */
    static List<Grid> grids() {
        List<Grid> grids = new ArrayList<>();
        for (int stages : new int[] {1, 2}) {
            for (int tensor : new int[] {1, 2}) {
                for (int context : new int[] {1, 2}) {
                    for (int data : new int[] {1, 2, 4, 8}) {
                        for (Experts experts : folds(tensor * context * data)) {
                            int turn = grids.size();
                            Grid grid = new Grid(tensor, tensor > 1, stages, 1 + turn % stages, context, data, "p2p", SHARING.get(turn % 3))
                                    .with(new Experts(experts.parts(), experts.cut(), turn % 2 == 0 ? "alltoall" : "allgather"));
                            if (grid.ranks() > 1 && grid.ranks() <= RANKS) {
                                grids.add(grid);
                            }
                        }
                    }
                }
            }
        }
        return grids;
    }

    private static List<Experts> folds(int ranks) {
        List<Experts> folds = new ArrayList<>();
        for (int parts : new int[] {1, 2, 4, 8}) {
            for (int cut : new int[] {1, 2}) {
                if (ranks % (parts * cut) == 0) {
                    folds.add(new Experts(parts, cut, "alltoall"));
                }
            }
        }
        return folds;
    }

    @Test
    void everyGridGivesTheNumbersOfOneRank() {
        Map<Model, GridLab> labs = new EnumMap<>(Model.class);
        Map<Model, GridComparison> comparisons = new EnumMap<>(Model.class);
        for (Model model : Model.values()) {
            labs.put(model, new GridLab(model.task(), STEPS));
            comparisons.put(model, new GridComparison(labs.get(model).run(Grid.ONE_RANK), TOLERANCE));
        }
        List<String> problems = new ArrayList<>();
        int turn = 0;
        for (Grid grid : grids()) {
            Model model = Model.values()[turn++ / 2 % 2];
            List<String> found = comparisons.get(model).differences(labs.get(model).run(grid));
            if (!found.isEmpty()) {
                problems.add(model + " on " + grid + ": " + found.size() + " differences, " + found.subList(0, Math.min(5, found.size())));
            }
        }
        comparisons.forEach((model, comparison) -> System.out.println(model + ": " + comparison.grids() + " grids, " + comparison.parts() + " parts of gradients, "
                + comparison.numbers() + " numbers compared"));
        assertEquals(List.of(), problems);
        comparisons.forEach((model, comparison) -> assertTrue(comparison.grids() >= 30 && comparison.parts() > 10_000, comparison.grids() + " grids, "
                + comparison.parts() + " parts"));
    }
}
