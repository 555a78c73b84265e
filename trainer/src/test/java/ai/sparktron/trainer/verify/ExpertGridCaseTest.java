package ai.sparktron.trainer.verify;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.layer.Recompute;
import ai.sparktron.trainer.mesh.Mesh;
import ai.sparktron.trainer.parallel.KeyExchange;
import ai.sparktron.trainer.parallel.ParallelPlan;
import ai.sparktron.trainer.parallel.StageSplit;
import ai.sparktron.trainer.parallel.TokenExchange;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Mixtures of experts of Hugging Face, with their experts shared out over ranks. */
class ExpertGridCaseTest {

    private static final List<String> CASES = List.of("qwen2_moe", "qwen3_moe", "deepseek_v3", "qwen2_moe-lora");

    /** Sizes of tensor, pipeline, context and data, and the parts of the experts and of each expert. */
    private static Mesh mesh(int tensor, int pipeline, int context, int data, int expert, int expertTensor) {
        return new Mesh(pipeline, data, context, tensor, expert, expertTensor);
    }

    private static final List<Mesh> MESHES = List.of(mesh(1, 1, 1, 2, 2, 1), mesh(1, 1, 1, 4, 4, 1), mesh(1, 1, 1, 4, 2, 1), mesh(1, 1, 1, 2, 1, 2), mesh(1, 1, 1, 4, 2, 2),
            mesh(2, 1, 1, 1, 2, 1), mesh(2, 1, 1, 2, 4, 1), mesh(2, 1, 1, 2, 2, 2), mesh(2, 1, 1, 1, 1, 2), mesh(1, 3, 1, 2, 2, 1), mesh(1, 1, 2, 1, 2, 1),
            mesh(1, 1, 2, 2, 4, 1), mesh(2, 1, 2, 2, 2, 2), mesh(2, 3, 1, 1, 2, 1));

    static List<Arguments> grids() {
        List<Arguments> grids = new ArrayList<>();
        for (String name : CASES) {
            for (Mesh mesh : MESHES) {
                grids.add(Arguments.of(name, mesh, TokenExchange.values()[grids.size() % 2]));
            }
        }
        return grids;
    }

    @ParameterizedTest
    @MethodSource("grids")
    void expertsOnOtherRanksGiveTheNumbersOfHuggingFace(String name, Mesh mesh, TokenExchange exchange) throws IOException {
        ReferenceCaseTest.assertPasses(ReferenceCaseTest.HOST, ReferenceCaseTest.CASES.resolve(name), settings(mesh, exchange));
    }

    /** Weights in FP8, whose rows and columns are no multiples of a block's: 136 columns are cut in the middle of the first of their two blocks. */
    @ParameterizedTest
    @EnumSource(TokenExchange.class)
    void partsOfWeightsInBlocksHaveTheScalesOfTheirBlocks(TokenExchange exchange) throws IOException {
        for (Mesh mesh : List.of(mesh(2, 1, 1, 1, 2, 1), mesh(2, 2, 1, 1, 1, 2), mesh(1, 1, 1, 4, 2, 2))) {
            ReferenceCaseTest.assertPasses(ReferenceCaseTest.HOST, ReferenceCaseTest.CASES.resolve("deepseek_v3-fp8"), settings(mesh, exchange));
        }
    }

    private static Verification.Settings settings(Mesh mesh, TokenExchange exchange) {
        ParallelPlan.Settings plan = new ParallelPlan.Settings(mesh.tensor() > 1, KeyExchange.RING, StageSplit.even(), exchange);
        return new Verification.Settings(mesh, plan, 1, Recompute.none(), 7 * 320 * 4, null, Verification.Tolerances.FLOAT32);
    }

    @Test
    void expertsThatCannotBeDealtAreRefusedByName() {
        IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class, () -> ReferenceCaseTest.assertPasses(ReferenceCaseTest.HOST,
                ReferenceCaseTest.CASES.resolve("qwen3_moe"), settings(mesh(1, 1, 1, 3, 3, 1), TokenExchange.ALL_TO_ALL)));
        assertTrue(refusal.getMessage().contains("--expert_model_parallel_size 3") && refusal.getMessage().contains("8 experts"), refusal.getMessage());
        refusal = assertThrows(IllegalArgumentException.class, () -> ReferenceCaseTest.assertPasses(ReferenceCaseTest.HOST, ReferenceCaseTest.CASES.resolve("qwen3"),
                settings(mesh(1, 1, 1, 2, 2, 1), TokenExchange.ALL_TO_ALL)));
        assertTrue(refusal.getMessage().contains("Qwen3 has none") && refusal.getMessage().contains("set both to 1"), refusal.getMessage());
    }
}
