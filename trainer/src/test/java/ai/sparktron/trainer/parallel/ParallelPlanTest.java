package ai.sparktron.trainer.parallel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.comm.InProcessWorld;
import ai.sparktron.trainer.comm.SelfWorld;
import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.mesh.Axis;
import ai.sparktron.trainer.mesh.Mesh;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.DenseSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ModelPart;
import ai.sparktron.trainer.seam.Seams;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class ParallelPlanTest {

    private static final ModelConfig CONFIG = ConfigReader.read(Path.of("src/test/resources/reference-cases/qwen3"));

    @Test
    void aloneNothingIsCutAndNoGradientIsPartial() {
        ParallelPlan plan = ParallelPlan.of(Mesh.ofData(1), new SelfWorld());
        assertEquals(ModelPart.whole(CONFIG), plan.part(CONFIG));
        assertEquals(1, plan.gradientGroup().size());
        DenseSpecs.of(CONFIG).forEach(spec -> {
            assertFalse(plan.gradientIsPartial(spec));
            spec.parts().forEach(part -> assertTrue(plan.seams().slicing().slice(part).isWhole()));
        });
    }

    @Test
    void replicasAddUpAllGradients() {
        World second = InProcessWorld.create(2, Duration.ofSeconds(10)).get(1);
        ParallelPlan plan = ParallelPlan.of(Mesh.ofData(2), second);
        assertEquals(1, plan.coordinate(Axis.DATA));
        assertEquals(List.of(0, 1), plan.gradientGroup().ranks());
        DenseSpecs.of(CONFIG).forEach(spec -> assertTrue(plan.gradientIsPartial(spec)));
        assertEquals(Seams.single(), plan.seams(), "replicas change no layer");
    }

    @Test
    void axesThatAreNotBuiltAreRefusedByName() {
        World world = InProcessWorld.create(2, Duration.ofSeconds(10)).get(0);
        IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class, () -> ParallelPlan.of(Mesh.of(2, 2, 1, 1, 1, 1), world));
        assertTrue(refusal.getMessage().contains("--tensor_model_parallel_size 2"), refusal.getMessage());
        assertThrows(IllegalArgumentException.class, () -> ParallelPlan.of(Mesh.ofData(3), world), "three ranks in a world of two");
    }
}
