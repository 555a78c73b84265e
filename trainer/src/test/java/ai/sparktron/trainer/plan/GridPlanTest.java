package ai.sparktron.trainer.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.config.Command;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.measure.Traffic;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.train.MemoryUse;
import ai.sparktron.trainer.train.RankMeasurement;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Plans of models as they are trained. That their memory is what runs take is the matter of {@code RankMeasurementTest}. */
class GridPlanTest {

    private static final int ROW = 4096;

    static ModelConfig model(String name) throws IOException {
        Path file = Path.of("../benchmarks/models", name, "config.json");
        return ConfigReader.parse(Files.readString(file), file.toString());
    }

    static Options options(String words) {
        return Options.of(Command.PLAN, ("--micro_batch_size 1 --global_batch_size 256 " + words).split(" "));
    }

    private static GridPlan plan(String model, String words) throws IOException {
        Options options = options(words);
        return GridPlan.of(options, RankMeasurement.Subject.of(options, model(model), ROW));
    }

    @Test
    @Timeout(value = 60, unit = TimeUnit.SECONDS)
    void theLargestModel() throws IOException {
        GridPlan plan = plan("deepseek-v3", "--engine nd4j --num_ranks 64 --pipeline_model_parallel_size 16 --decoder_last_pipeline_num_layers 1");
        double parameters = plan.config().parameterCount();
        assertEquals(671e9, parameters, 0.1e9, "DeepSeek-V3 is said to have 671 billion parameters");
        double weights = plan.stages().stream().mapToLong(stage -> stage.memory().weights()).sum();
        double states = plan.stages().stream().mapToLong(stage -> stage.memory().optimizer()).sum();
        assertEquals(4 * parameters, weights, 1e-3 * weights, "all stages together hold the model once, in float32");
        assertEquals(2 * 4 * parameters / 4, states, 1e-3 * states, "two moments, shared out over 4 data-parallel ranks");
    }

    @ParameterizedTest
    @CsvSource({
        "qwen2.5-7b, --num_ranks 8 --pipeline_model_parallel_size 4",
        "qwen2.5-7b, --num_ranks 16 --pipeline_model_parallel_size 4 --tensor_model_parallel_size 2 --virtual_pipeline_model_parallel_size 7",
        "qwen3-30b-a3b, --num_ranks 16 --pipeline_model_parallel_size 8 --use_megatron_fsdp true",
        "deepseek-v3, --num_ranks 16 --pipeline_model_parallel_size 8 --decoder_last_pipeline_num_layers 5",
    })
    void aSketchHasThePeakOfThePlan(String model, String words) throws IOException {
        Options options = options(words);
        RankMeasurement.Subject subject = RankMeasurement.Subject.of(options, model(model), ROW);
        GridPlan plan = GridPlan.of(options, subject);
        GridPlan sketch = GridPlan.sketch(options, subject);
        assertEquals(plan.peakBytes(), sketch.peakBytes());
        assertEquals(plan.stages().size(), sketch.stages().size());
        assertEquals(StepTime.of(plan, hardware("")).seconds(), StepTime.of(sketch, hardware("")).seconds(), 1e-9);
    }

    static Hardware hardware(String words) {
        return Hardware.of(options("--proposals 3 " + words).plan());
    }

    @Test
    void workAndTrafficAreThoseOfTheFormulas() throws IOException {
        GridPlan plan = plan("qwen2.5-7b", "--num_ranks 4 --use_distributed_optimizer true");
        RankMeasurement rank = plan.stages().get(0);
        double model = plan.config().flopsPerToken(ROW) * ROW;
        assertEquals(model, rank.ofMicroBatch().work().flops(), 0.05 * model, "6 operations a parameter and token, and attention");
        double gradients = 4.0 * plan.config().parameterCount();
        double scattered = rank.ofUpdate().traffic().stream().filter(traffic -> traffic.kind() == Traffic.Kind.REDUCE_SCATTER).mapToDouble(Traffic::sentBytes).sum();
        assertEquals(3.0 / 4 * gradients, scattered, 1e-3 * gradients, "each of 4 ranks sends three quarters of its gradients");
    }

    @Test
    void textAndJsonSayTheSame() throws IOException {
        GridPlan plan = plan("qwen2.5-7b", "--num_ranks 8 --pipeline_model_parallel_size 4");
        Hardware hardware = hardware("--gpu H200");
        String text = PlanText.of(plan, hardware);
        ObjectNode json = PlanJson.of(plan, Optional.of(hardware.memoryBytes()), Optional.of(hardware));
        MemoryUse first = plan.stages().get(0).memory();
        assertEquals(first.activations(), json.at("/memory/stages/0/activations").asLong());
        assertEquals(plan.peakBytes(), StreamSupport.stream(json.at("/memory/stages").spliterator(), false).mapToLong(stage -> stage.get("bytes").asLong()).max()
                .orElseThrow());
        assertTrue(json.at("/memory/fits").asBoolean() && text.contains(": fits, "), text);
        assertEquals(3.0 / (128 + 3), json.at("/pipeline/idle").asDouble(), 1e-12, "one forward, one backward: (stages - 1) / (micro-batches + stages - 1)");
        assertTrue(text.contains("128 micro-batches leave stages idle 2.3 % of the time") && text.contains("H200") && text.contains("stage 3"), text);
    }

    @Test
    void slowerLinksAcrossHosts() {
        Hardware hardware = hardware("--gpu H100 --gpus_per_host 2 --network_bandwidth 10");
        assertEquals(450e9, hardware.bandwidth(List.of(0, 1)));
        assertEquals(20e9, hardware.bandwidth(List.of(0, 1, 2, 3)), "two ranks of each host send over a share of the network each");
        assertEquals(10e9, hardware.bandwidth(List.of(0, 2)));
    }
}
