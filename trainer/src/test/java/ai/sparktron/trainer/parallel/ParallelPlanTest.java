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
import ai.sparktron.trainer.model.DecoderSpecs;
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
        assertEquals(List.of(ModelPart.whole(CONFIG)), plan.parts(CONFIG));
        assertEquals(1, plan.gradientGroup().size());
        DecoderSpecs.of(CONFIG).forEach(spec -> {
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
        DecoderSpecs.of(CONFIG).forEach(spec -> assertTrue(plan.gradientIsPartial(spec)));
        assertEquals(Seams.single(), plan.seams(), "replicas change no layer");
    }

    @Test
    void tensorRanksCutHeadsColumnsAndVocabulary() {
        World third = InProcessWorld.create(4, Duration.ofSeconds(10)).get(3);
        ParallelPlan plan = ParallelPlan.of(Mesh.of(4, 2, 1, 1, 1, 1), third);
        plan.validate(CONFIG, 64);
        assertEquals(List.of(1, 3), plan.gradientGroup().ranks());
        assertEquals(List.of(2, 3), plan.modelGroup(CONFIG).ranks().ranks());
        int cut = 0;
        for (var spec : DecoderSpecs.of(CONFIG)) {
            boolean headNorm = spec.name().contains("q_layernorm") || spec.name().contains("k_layernorm");
            assertEquals(headNorm, plan.modelGroup(CONFIG).partial().test(spec), spec.name());
            for (var part : spec.parts()) {
                var slice = plan.seams().slicing().slice(part);
                boolean norm = part.name().contains("norm");
                assertEquals(norm, slice.isWhole(), part.name());
                assertEquals(norm ? part.elements() : part.elements() / 2, slice.elements(), part.name());
                boolean byColumns = part.name().contains("o_proj") || part.name().contains("down_proj");
                assertEquals(byColumns ? part.columns() / 2 : 0, slice.firstColumn(), part.name());
                assertEquals(norm || byColumns ? 0 : part.rows() / 2, slice.firstRow(), part.name());
                cut += norm ? 0 : 1;
            }
        }
        assertTrue(cut > 10, "cut tensors: " + cut);
    }

    @Test
    void whatDoesNotDivideIsRefusedWithOptionValueAndFix() {
        World first = InProcessWorld.create(3, Duration.ofSeconds(10)).get(0);
        ParallelPlan plan = ParallelPlan.of(Mesh.of(3, 3, 1, 1, 1, 1), first);
        String json = "{\"model_type\":\"llama\",\"hidden_size\":24,\"num_hidden_layers\":1,\"num_attention_heads\":%d,\"num_key_value_heads\":%d,\"head_dim\":4,"
                + "\"intermediate_size\":%d,\"vocab_size\":%d,\"max_position_embeddings\":64}";
        int[] fits = {6, 3, 9, 12};
        int[] fails = {4, 1, 10, 13};
        String[] keys = {"num_attention_heads", "num_key_value_heads", "intermediate_size", "vocab_size"};
        plan.validate(ConfigReader.parse(json.formatted(6, 3, 9, 12), "test"), 8);
        for (int i = 0; i < keys.length; i++) {
            Object[] sizes = {fits[0], fits[1], fits[2], fits[3]};
            sizes[i] = fails[i];
            sizes[1] = i == 0 ? 2 : sizes[1];
            ModelConfig config = ConfigReader.parse(json.formatted(sizes), "test");
            String message = assertThrows(IllegalArgumentException.class, () -> plan.validate(config, 8)).getMessage();
            assertTrue(message.contains("--tensor_model_parallel_size 3") && message.contains(keys[i]) && message.contains(String.valueOf(fails[i])), message);
        }
    }

    /** Tensor x data = 2 x 2 ranks hold two parts of eight experts, each part twice. */
    @Test
    void expertsAreDealtWholeAndSummedOverTheirOwnRanks() {
        ModelConfig experts = ConfigReader.read(Path.of("src/test/resources/reference-cases/qwen3_moe"));
        World third = InProcessWorld.create(4, Duration.ofSeconds(10)).get(2);
        ParallelPlan plan = ParallelPlan.of(Mesh.of(4, 2, 1, 1, 2, 1), third, new ParallelPlan.Settings(true, KeyExchange.RING));
        plan.validate(experts, 64);
        assertTrue(plan.expertsApart(experts) && plan.meetsInEveryPass());
        assertEquals(List.of(0, 2), plan.gradientGroup().ranks());
        assertEquals(List.of(0, 2), plan.expertGradientGroup().ranks());
        assertEquals(List.of(2, 3), plan.expertModelGroup().ranks().ranks());
        int held = 0;
        for (var spec : DecoderSpecs.of(experts)) {
            assertFalse(spec.ofExperts() && plan.modelGroup(experts).partial().test(spec), spec.name());
            for (var part : spec.parts()) {
                boolean here = plan.seams().slicing().holds(part);
                assertEquals(!part.ofExpert() || part.expert().index() < 4, here, part.name());
                assertTrue(!part.ofExpert() || plan.seams().slicing().slice(part).isWhole(), part.name());
                held += part.ofExpert() && here ? 1 : 0;
            }
        }
        assertEquals(3 * 4 * 3, held, "gate, up and down of four experts of three layers");
    }

    @Test
    void aWorldOfAnotherSizeIsRefused() {
        World world = InProcessWorld.create(2, Duration.ofSeconds(10)).get(0);
        assertThrows(IllegalArgumentException.class, () -> ParallelPlan.of(Mesh.ofData(3), world), "three ranks in a world of two");
    }
}
