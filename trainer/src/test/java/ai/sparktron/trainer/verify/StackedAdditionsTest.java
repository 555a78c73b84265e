package ai.sparktron.trainer.verify;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.convert.PeftAdapter;
import ai.sparktron.trainer.convert.WeightSource;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.ReferenceEngine;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.Slicing;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tuner.PeftConfig;
import ai.sparktron.trainer.tuner.Tuning;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Adapters that PEFT saved from transformers 5, all experts of a layer in one tensor, against the same with a tensor an expert. */
class StackedAdditionsTest {

    private static final WeightSource NOTHING = (tensor, from, count) -> new float[count];

    @ParameterizedTest
    @ValueSource(strings = {"qwen2_moe-lora", "mixtral-lora"})
    void addTheSameAsApart(String name) throws Exception {
        Path folder = CaseFolders.ALL.resolve(name);
        List<ParameterSpec> model = DecoderSpecs.of(ConfigReader.read(folder));
        int compared = 0;
        try (PeftAdapter apart = PeftAdapter.open(folder.resolve("adapter")); PeftAdapter stacked = PeftAdapter.open(folder.resolve("stacked"))) {
            WeightSource expected = apart.into(NOTHING, model);
            WeightSource found = stacked.into(NOTHING, model);
            for (ParameterSpec parameter : model) {
                for (TensorSpec tensor : parameter.parts()) {
                    int count = (int) tensor.elements();
                    float[] values = expected.read(tensor, 0, count);
                    assertArrayEquals(values, found.read(tensor, 0, count), 1e-6f, tensor.name());
                    compared += values[0] == 0 ? 0 : 1;
                }
            }
        }
        assertTrue(compared >= 17, compared + " tensors have additions");
    }

    /** What is loaded into a model is what is read, and it is saved in the form that PEFT was seen to load. */
    @ParameterizedTest
    @ValueSource(strings = {"qwen2_moe-lora", "mixtral-lora"})
    void areLoadedAndSavedApart(String name) throws Exception {
        Path folder = CaseFolders.ALL.resolve(name);
        List<ParameterSpec> model = DecoderSpecs.of(ConfigReader.read(folder));
        try (Engine engine = new ReferenceEngine(); StackArena arena = StackArena.growing("run", engine.memory(), 1 << 20); Arena.Frame frame = arena.open("test");
                PeftAdapter stacked = PeftAdapter.open(folder.resolve("stacked"))) {
            Tuning tuning = stacked.tuning(model, 0, 1);
            Parameters parameters = Parameters.allocate(tuning.applyTo(model), Slicing.whole(), frame, DType.F32, Parameters.Use.INFER, 1);
            engine.kernels().fill(parameters.value(), 0);
            stacked.load(parameters, engine);
            for (Parameter parameter : parameters.all()) {
                ByteBuffer bytes = ByteBuffer.allocateDirect((int) parameter.value().sizeBytes()).order(ByteOrder.nativeOrder());
                engine.read(parameter.value(), bytes);
                boolean something = IntStream.range(0, bytes.capacity() / Float.BYTES).anyMatch(i -> bytes.getFloat(i * Float.BYTES) != 0);
                assertEquals(parameter.spec().name().contains("lora_"), something, parameter.spec().name());
            }
            assertEquals(4, PeftConfig.read(folder.resolve("adapter")).rank());
            assertEquals(16, tuning.peft().orElseThrow().ranks().get("mlp.experts.gate_up_proj"), "twice the rank that gate and up have in common");
        }
    }

    /** The settings of the case, with which PEFT loaded its adapter, are those that the same targets give. */
    @ParameterizedTest
    @ValueSource(strings = {"qwen2_moe-lora", "mixtral-lora"})
    void settingsAreThoseThatPeftLoads(String name) throws Exception {
        Path folder = CaseFolders.ALL.resolve(name);
        try (PeftAdapter apart = PeftAdapter.open(folder.resolve("adapter"))) {
            PeftConfig expected = apart.config();
            PeftConfig found = apart.tuning(DecoderSpecs.of(ConfigReader.read(folder)), 0, 1).peft().orElseThrow();
            assertEquals(List.copyOf(expected.targetModules()), found.targetModules());
            assertEquals(expected.targetParameters(), found.targetParameters());
            assertEquals(expected.ranks(), found.ranks());
            assertEquals(expected.alphas(), found.alphas());
        }
    }
}
