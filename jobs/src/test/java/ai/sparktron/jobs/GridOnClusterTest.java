package ai.sparktron.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.jobs.barrier.BarrierRun;
import ai.sparktron.jobs.barrier.BarrierSettings;
import ai.sparktron.jobs.barrier.ConsoleObserver;
import ai.sparktron.jobs.barrier.RankEnvironment;
import ai.sparktron.jobs.barrier.RankProgram;
import ai.sparktron.jobs.barrier.SparkPreparation;
import ai.sparktron.jobs.barrier.StandaloneCluster;
import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;
import ai.sparktron.trainer.layer.DecoderModel;
import ai.sparktron.trainer.layer.Recompute;
import ai.sparktron.trainer.mesh.Mesh;
import ai.sparktron.trainer.parallel.KeyExchange;
import ai.sparktron.trainer.parallel.ParallelPlan;
import ai.sparktron.trainer.parallel.StageSplit;
import ai.sparktron.trainer.parallel.TokenExchange;
import ai.sparktron.trainer.verify.Comparison;
import ai.sparktron.trainer.verify.Verification;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Numbers of Hugging Face models from a grid of four processes of a standalone cluster, over sockets. */
@Timeout(240)
class GridOnClusterTest {

    private static final Path CASES = Path.of("../trainer/src/test/resources/reference-cases").toAbsolutePath().normalize();

    @TempDir
    Path folder;

    /**
     * A rank of a grid with tokens shared outside of regions; the first one tells what it compared.
     *
     * @param layout of the stages as text, null for as many layers on each
     */
    private record CaseRank(String directory, int tensor, int stages, int context, String layout) implements RankProgram {
        private static final long serialVersionUID = 1L;

        @Override
        public String run(RankEnvironment environment) throws Exception {
            Mesh mesh = Mesh.of(environment.size(), tensor, stages, context, 1, 1);
            StageSplit split = new StageSplit(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.ofNullable(layout));
            int microBatchRows = stages == 1 ? 0 : 1;
            ParallelPlan.Settings plan = new ParallelPlan.Settings(true, KeyExchange.RING, split, TokenExchange.ALL_TO_ALL);
            Verification.Settings settings = new Verification.Settings(mesh, plan, microBatchRows, Recompute.none(),
                    DecoderModel.Options.DEFAULT_CHUNK_BYTES, null, Verification.Tolerances.FLOAT32);
            Verification.Report report = new Verification(Nd4jEngines.factory(Nd4jEngines.Face.HOST), settings).run(Path.of(directory), environment.world());
            String lines = report.comparisons().stream().filter(comparison -> !comparison.passed()).map(Comparison::line).collect(Collectors.joining("\n"));
            return report.comparisons().size() + " quantities" + (report.passed() ? "" : ", past their tolerance:\n" + lines);
        }
    }

    @Test
    void referenceCasesPassOnAGridOfProcesses() throws Exception {
        try (StandaloneCluster cluster = StandaloneCluster.start(folder, 2, 2, 0)) {
            var conf = SparkPreparation.prepare(cluster.conf("grid")).set("spark.cores.max", "4").set("spark.executor.memory", "512m")
                    .set(BarrierSettings.PREFIX + "startTimeout", "120s");
            try (JavaSparkContext spark = new JavaSparkContext(conf)) {
                assertPasses(spark, new CaseRank(CASES.resolve("qwen3").toString(), 2, 1, 2, null));
                assertPasses(spark, new CaseRank(CASES.resolve("qwen2-tied").toString(), 2, 2, 1, "Et|t|t|L"));
                assertEquals(4, cluster.executors().size(), "a process for each rank");
            }
        }
    }

    private static void assertPasses(JavaSparkContext spark, CaseRank rank) throws Exception {
        String result = new BarrierRun(spark, 4, rank, new ConsoleObserver(System.out)).run(rank.directory(), Optional.empty());
        assertTrue(result.matches("\\d+ quantities") && Integer.parseInt(result.split(" ")[0]) >= 20, rank + ": " + result);
    }
}
