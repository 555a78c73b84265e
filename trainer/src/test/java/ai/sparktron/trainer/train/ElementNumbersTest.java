package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.Slicing;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.MeasuringMemory;
import ai.sparktron.trainer.tensor.StackArena;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** An element has the same number on every rank that holds it, and no other element has it. */
class ElementNumbersTest {

    private static final List<ParameterSpec> MODEL = DecoderSpecs.of(ConfigReader.parse("""
            {"architectures": ["Qwen2MoeForCausalLM"], "model_type": "qwen2_moe", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
             "num_attention_heads": 4, "num_key_value_heads": 2, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16,
             "shared_expert_intermediate_size": 48, "norm_topk_prob": false, "vocab_size": 120, "max_position_embeddings": 64, "rms_norm_eps": 1e-6,
             "rope_theta": 10000.0, "tie_word_embeddings": false, "hidden_act": "silu", "torch_dtype": "bfloat16", "eos_token_id": 2}
            """, "a test"));

    /** Half of what is cut, as tensor parallelism has it. */
    private record Half(int rank) implements Slicing {
        @Override
        public TensorSlice slice(TensorSpec tensor) {
            boolean vector = tensor.dims().size() == 1;
            boolean rowsCut = !vector && tensor.dims().get(0).kind().mayBeCut();
            boolean columnsCut = tensor.dims().get(tensor.dims().size() - 1).kind().mayBeCut();
            long rows = rowsCut ? tensor.rows() / 2 : tensor.rows();
            long columns = columnsCut ? tensor.columns() / 2 : tensor.columns();
            return new TensorSlice(tensor, rowsCut ? rank * rows : 0, rows, columnsCut ? rank * columns : 0, columns);
        }
    }

    /** Half of the experts. */
    private record SomeExperts(int rank) implements Slicing {
        @Override
        public TensorSlice slice(TensorSpec tensor) {
            return TensorSlice.whole(tensor);
        }

        @Override
        public boolean holds(TensorSpec tensor) {
            return !tensor.ofExpert() || tensor.expert().index() / 2 == rank;
        }
    }

    private static Parameters parameters(List<ParameterSpec> specs, Slicing slicing) {
        try (StackArena arena = MeasuringMemory.arena("run"); Arena.Frame frame = arena.open("run")) {
            return Parameters.allocate(specs, slicing, frame, DType.BF16, Parameters.Use.TRAIN, 1);
        }
    }

    /** The numbers of all elements, by tensor, row and column. */
    private static Map<String, Long> numbers(Parameters parameters) {
        List<long[]> stretches = ElementNumbers.stretches(parameters);
        Map<String, Long> numbers = new HashMap<>();
        for (Parameter parameter : parameters.all()) {
            for (int part = 0; part < parameter.slices().size(); part++) {
                TensorSlice slice = parameter.slices().get(part);
                for (long i = 0; i < slice.elements(); i++) {
                    long flat = parameter.partOffset(part) + i;
                    long[] its = stretches.stream().filter(stretch -> stretch[0] <= flat).reduce((one, later) -> later).orElseThrow();
                    numbers.put(slice.tensor().name() + " " + (slice.firstRow() + i / slice.columns()) + " " + (slice.firstColumn() + i % slice.columns()),
                            its[1] + flat - its[0]);
                }
            }
        }
        stretches.forEach(stretch -> assertTrue(stretch[0] % 8 == 0 && stretch[1] % 8 == 0, stretch[0] + ": " + stretch[1]));
        assertEquals(numbers.size(), new HashSet<>(numbers.values()).size(), "all different");
        return numbers;
    }

    private static final Map<String, Long> WHOLE = numbers(parameters(MODEL, Slicing.whole()));

    @Test
    void aWholeParameterIsOneStretch() {
        assertEquals(MODEL.size(), ElementNumbers.stretches(parameters(MODEL, Slicing.whole())).size());
    }

    /** As units of a shared model, stages of a pipeline and ranks with some of the experts have them. */
    @Test
    void numbersDoNotDependOnWhatElseIsHeld() {
        for (ParameterSpec spec : MODEL) {
            sameAsWhole(numbers(parameters(List.of(spec), Slicing.whole())));
        }
        Map<String, Long> some = numbers(parameters(MODEL, new SomeExperts(1)));
        assertTrue(some.keySet().stream().anyMatch(name -> name.contains("experts.3.")) && some.keySet().stream().noneMatch(name -> name.contains("experts.0.")));
        sameAsWhole(some);
    }

    private static void sameAsWhole(Map<String, Long> numbers) {
        assertTrue(!numbers.isEmpty());
        numbers.forEach((element, number) -> assertEquals(WHOLE.get(element), number, element));
    }

    /** Rows keep their numbers, columns have others, which no other rank's are. */
    @Test
    void cutByRowsAndColumns() {
        Map<String, Long> first = numbers(parameters(MODEL, new Half(0)));
        Map<String, Long> second = numbers(parameters(MODEL, new Half(1)));
        Set<Long> taken = new HashSet<>(first.values());
        int columns = 0;
        for (Map.Entry<String, Long> element : second.entrySet()) {
            boolean cut = element.getKey().contains("o_proj") || element.getKey().contains("shared_expert.down_proj");
            if (cut) {
                assertNotEquals(WHOLE.get(element.getKey()), element.getValue(), element.getKey());
                assertTrue(!taken.contains(element.getValue()), element.getKey());
                columns++;
            } else {
                assertEquals(WHOLE.get(element.getKey()), element.getValue(), element.getKey());
            }
        }
        assertTrue(columns > 1000, "cut by columns: " + columns);
    }
}
