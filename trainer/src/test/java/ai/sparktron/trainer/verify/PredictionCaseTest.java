package ai.sparktron.trainer.verify;

import ai.sparktron.trainer.layer.Recompute;
import ai.sparktron.trainer.mesh.Mesh;
import ai.sparktron.trainer.parallel.KeyExchange;
import ai.sparktron.trainer.parallel.ParallelPlan;
import ai.sparktron.trainer.parallel.StageSplit;
import ai.sparktron.trainer.parallel.TokenExchange;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Layers that predict tokens further on, against PyTorch: gradients with their losses, on grids, and with everything run again in backward. */
class PredictionCaseTest {

    private static Mesh mesh(int tensor, int pipeline, int context, int data, int expert) {
        return new Mesh(pipeline, data, context, tensor, expert, 1);
    }

    static List<Arguments> grids() {
        List<Arguments> grids = new ArrayList<>();
        for (String name : List.of("deepseek_v3-mtp", "deepseek_v3-mtp2")) {
            grids.add(Arguments.of(name, mesh(1, 1, 1, 2, 2), Recompute.none()));
            grids.add(Arguments.of(name, mesh(2, 1, 1, 1, 1), Recompute.none()));
            grids.add(Arguments.of(name, mesh(1, 2, 1, 1, 1), Recompute.full(Recompute.Method.UNIFORM, 1)));
            grids.add(Arguments.of(name, mesh(1, 1, 2, 1, 2), Recompute.none()));
            grids.add(Arguments.of(name, mesh(2, 2, 2, 1, 4), Recompute.none()));
        }
        return grids;
    }

    @ParameterizedTest
    @MethodSource("grids")
    void gridsGiveTheNumbersOfPyTorch(String name, Mesh mesh, Recompute recompute) throws IOException {
        ParallelPlan.Settings plan = new ParallelPlan.Settings(mesh.tensor() > 1, KeyExchange.RING, StageSplit.even(), TokenExchange.ALL_TO_ALL);
        ReferenceCaseTest.assertPasses(ReferenceCaseTest.HOST, ReferenceCaseTest.CASES.resolve(name),
                new Verification.Settings(mesh, plan, 1, recompute, 7 * 96 * 4, null, Verification.Tolerances.FLOAT32));
    }
}
