package ai.sparktron.trainer.verify;

import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;
import ai.sparktron.trainer.layer.DecoderModel;
import ai.sparktron.trainer.layer.Recompute;
import ai.sparktron.trainer.mesh.Mesh;
import ai.sparktron.trainer.parallel.KeyExchange;
import ai.sparktron.trainer.parallel.ParallelPlan;
import ai.sparktron.trainer.parallel.StageSplit;
import ai.sparktron.trainer.parallel.TokenExchange;
import ai.sparktron.trainer.tensor.DType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Models with experts in bfloat16 on grids, with the experts that float32 chooses on the same grid: each quantity as near as PyTorch's own. */
class NarrowGridTest {

    private static final List<String> CASES = List.of("qwen2_moe", "qwen3_moe", "deepseek_v3");
    private static final StageSplit ONE_LAYER_FIRST = new StageSplit(Optional.of(1), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());

    /** A grid, and what is computed again on it. */
    private record Grid(String name, Mesh mesh, StageSplit split, Recompute recompute) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static final List<Grid> GRIDS = List.of(
            new Grid("tensor and sequence", new Mesh(1, 1, 1, 2, 1, 1), StageSplit.even(), Recompute.none()),
            new Grid("stages, layers run again", new Mesh(2, 1, 1, 1, 1, 1), ONE_LAYER_FIRST, Recompute.full(Recompute.Method.UNIFORM, 1)),
            new Grid("context", new Mesh(1, 1, 2, 1, 1, 1), StageSplit.even(), Recompute.none()),
            new Grid("experts, run again", new Mesh(1, 2, 1, 1, 2, 1), StageSplit.even(), Recompute.selective(Set.of(Recompute.Module.MOE))),
            new Grid("tensor, sequence, stages and experts", new Mesh(2, 1, 1, 2, 2, 1), ONE_LAYER_FIRST, Recompute.none()));

    /** Two cases on each grid. */
    static List<Arguments> grids() {
        List<Arguments> grids = new ArrayList<>();
        for (Grid grid : GRIDS) {
            for (int i = 0; i < 2; i++) {
                grids.add(Arguments.of(grid, CASES.get(grids.size() % CASES.size())));
            }
        }
        return grids;
    }

    @ParameterizedTest
    @MethodSource("grids")
    void expertsOfFloat32AreReplayed(Grid grid, String name) throws IOException {
        ParallelPlan.Settings plan = new ParallelPlan.Settings(grid.mesh().tensor() > 1, KeyExchange.RING, grid.split(), TokenExchange.ALL_TO_ALL);
        Verification.Settings settings = new Verification.Settings(grid.mesh(), plan, 1, grid.recompute(), DecoderModel.Options.DEFAULT_CHUNK_BYTES, null, DType.BF16, null);
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        Verification.Report report = new Verification(Nd4jEngines.factory(Nd4jEngines.Face.HOST), settings).run(CaseFolders.ALL.resolve(name),
                new PrintStream(text, true, StandardCharsets.UTF_8));
        assertTrue(report.passed(), text.toString(StandardCharsets.UTF_8));
        assertTrue(report.comparisons().size() >= 90, "only " + report.comparisons().size() + " quantities were compared");
    }
}
