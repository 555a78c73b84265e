package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.packing.shard.PackedRowBuilder;
import ai.sparktron.trainer.comm.SelfWorld;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.data.DataCursor;
import ai.sparktron.trainer.data.InMemoryRows;
import ai.sparktron.trainer.data.MicroBatchSource;
import ai.sparktron.trainer.data.RowOrder;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.StackArena;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the last step left in gradients is overwritten, not added to, also where no product comes. */
class FreshGradientsTest {

    private static final int ROW = 16;

    private static ModelConfig model(boolean tied) {
        return ConfigReader.parse("""
                {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
                 "num_attention_heads": 2, "num_key_value_heads": 2, "vocab_size": 40, "max_position_embeddings": 64, "rms_norm_eps": 1e-6,
                 "rope_theta": 10000.0, "tie_word_embeddings": %s, "hidden_act": "silu", "torch_dtype": "float32", "eos_token_id": 2}
                """.formatted(tied), "a test");
    }

    /** Gradient norms of two steps, with garbage in all gradients that are marked as the last step's in between. */
    private static double[] norms(boolean tied, boolean garbage, boolean nothingToLearn) {
        Options options = TinyRun.options("--micro_batch_size", "1", "--global_batch_size", "2", "--max_length", "" + ROW, "--lr", "0");
        int[] ids = new int[ROW];
        Arrays.setAll(ids, i -> 3 + i);
        int[] labels = ids.clone();
        if (nothingToLearn) {
            Arrays.fill(labels, PackedRowBuilder.IGNORED);
        }
        try (Engine engine = Nd4jEngines.open(Nd4jEngines.Face.HOST);
                StackArena runArena = StackArena.growing("run", engine.memory(), 1 << 20);
                StackArena scratch = StackArena.growing("call", engine.memory(), 1 << 20);
                PassMemory passes = PassMemory.growing(engine.memory(), 1 << 20, scratch);
                Arena.Frame run = runArena.open("run");
                RankModel model = new RankModel(options, model(tied), engine, new SelfWorld(), ROW, run);
                InMemoryRows rows = new InMemoryRows(List.of(new PackedRowBuilder().add(ids, labels, null).toRow()));
                MicroBatchSource source = MicroBatchSource.training(rows, model.batchShape(), RowOrder.SEQUENTIAL, DataCursor.start(1, 0))) {
            for (Parameter parameter : model.parameters().all()) {
                engine.kernels().fillNormal(parameter.value().reshape(ai.sparktron.trainer.tensor.Shape.of(1, parameter.value().elements())), parameter.offset(), 0, 0,
                        parameter.value().elements(), 0, 0.1f);
            }
            StepRunner steps = model.steps(passes);
            double first = steps.train(source.next(), 0).gradientNorm().number();
            long marked = 0;
            for (Parameter parameter : model.parameters().all()) {
                if (parameter.mark().isWrittenFirst() && garbage) {
                    engine.kernels().fill(parameter.gradient(), 7);
                    marked += parameter.gradient().elements();
                }
            }
            assertTrue(!garbage || marked > 4_000, "elements that products write first: " + marked);
            return new double[] {first, steps.train(source.next(), 0).gradientNorm().number()};
        }
    }

    @ParameterizedTest
    @CsvSource({"true, false", "false, false", "true, true", "false, true"})
    void garbageDoesNotShow(boolean tied, boolean nothingToLearn) {
        double[] clean = norms(tied, false, nothingToLearn);
        double[] dirty = norms(tied, true, nothingToLearn);
        assertEquals(clean[0], clean[1]);
        assertEquals(clean[1], dirty[1]);
        assertEquals(nothingToLearn, dirty[1] == 0);
    }
}
