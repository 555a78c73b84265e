package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.train.Grid.Sharing;
import ai.sparktron.trainer.train.GridLab.Task;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every product of the axes that fits eight ranks gives the loss and all gradients of one rank, and after ten steps of AdamW the same losses.
 */
class GridParityTest {

    private static final int RANKS = 8;
    private static final int STEPS = 10;
    private static final double TOLERANCE = 1e-5;
    private static final List<Integer> TENSOR = List.of(1, 2, 4);
    private static final List<Integer> STAGES = List.of(1, 2, 4);
    private static final List<Integer> CHUNKS = List.of(1, 2);
    private static final List<Integer> CONTEXT = List.of(1, 2, 4, 8);
    private static final List<Integer> DATA = List.of(1, 2, 4, 8);
    private static final List<String> EXCHANGES = List.of("p2p", "all_gather", "a2a");

    private static final int LAYERS = 4;
    private static final String SHAPE = "\"hidden_size\":16,\"num_hidden_layers\":" + LAYERS + ",\"num_attention_heads\":8,\"num_key_value_heads\":4,\"head_dim\":4,"
            + "\"intermediate_size\":24,\"vocab_size\":40,\"max_position_embeddings\":64,\"initializer_range\":0.2}";

    /** Models with grouped-query heads. */
    enum Model {
        /** With norms of queries and keys. */
        UNTIED("{\"model_type\":\"qwen3\",\"attention_bias\":true,\"tie_word_embeddings\":false," + SHAPE),
        /** With all biases there are. */
        TIED("{\"model_type\":\"llama\",\"attention_bias\":true,\"mlp_bias\":true,\"tie_word_embeddings\":true," + SHAPE);

        private final String json;

        Model(String json) {
            this.json = json;
        }

        Task task() {
            return new Task(json, GridLab.rows(RANKS * STEPS, new int[] {9, 26}, 40, 1), List.of("--micro_batch_size", "1", "--global_batch_size", "" + RANKS));
        }
    }

    /** All grids; ways of exchanging keys and of sharing what replicas have alike take turns. */
    static List<Grid> grids() {
        List<Grid> grids = new ArrayList<>();
        for (int tensor : TENSOR) {
            for (boolean sequence : tensor > 1 ? new boolean[] {false, true} : new boolean[] {false}) {
                for (int stages : STAGES) {
                    for (int chunks : stages > 1 ? CHUNKS : List.of(1)) {
                        for (int context : CONTEXT) {
                            for (int data : DATA) {
                                int turn = grids.size();
                                boolean headsFit = 4 % (tensor * context) == 0;
                                Grid grid = new Grid(tensor, sequence, stages, chunks, context, data, EXCHANGES.get(turn % (headsFit ? 3 : 2)),
                                        Sharing.values()[turn % Sharing.values().length]);
                                if (grid.ranks() > 1 && grid.ranks() <= RANKS && stages * chunks <= LAYERS) {
                                    grids.add(grid);
                                }
                            }
                        }
                    }
                }
            }
        }
        return grids;
    }

    @ParameterizedTest
    @EnumSource(Model.class)
    void everyGridGivesTheNumbersOfOneRank(Model model) {
        GridLab lab = new GridLab(model.task(), STEPS);
        GridComparison comparison = new GridComparison(lab.run(Grid.ONE_RANK), TOLERANCE);
        List<String> problems = new ArrayList<>();
        for (Grid grid : grids()) {
            List<String> found = comparison.differences(lab.run(grid));
            if (!found.isEmpty()) {
                problems.add(grid + ": " + found.size() + " differences, " + found.subList(0, Math.min(5, found.size())));
            }
        }
        System.out.println(model + ": " + comparison.grids() + " grids, " + comparison.parts() + " parts of gradients, " + comparison.numbers() + " numbers compared");
        assertEquals(List.of(), problems);
        assertTrue(comparison.grids() >= 27 && comparison.parts() > 5000, comparison.grids() + " grids, " + comparison.parts() + " parts");
    }
}
