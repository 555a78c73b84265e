package ai.sparktron.trainer.layer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.ReferenceEngine;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ModelPart;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.Slicing;
import ai.sparktron.trainer.seam.Seams;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The model as a whole: loss and its gradients, packing, stages, the cache, memory. */
class DecoderModelTest {

    private static final String SHAPE = ",\"hidden_size\":8,\"num_hidden_layers\":3,\"num_attention_heads\":4,\"num_key_value_heads\":2,\"head_dim\":6,"
            + "\"intermediate_size\":10,\"vocab_size\":37,\"max_position_embeddings\":64";

    /** A whole model, or a stage of it, of float32 on the reference engine. */
    private static final class Built implements AutoCloseable {
        private final Engine engine = new ReferenceEngine();
        private final StackArena run = StackArena.growing("run", engine.memory(), 1 << 16);
        private final StackArena microBatch = StackArena.growing("micro-batch", engine.memory(), 1 << 16);
        private final StackArena scratch = StackArena.growing("call", engine.memory(), 1 << 16);
        private final Arena.Frame frame = run.open("model");
        private final ModelConfig config;
        private final Parameters parameters;
        private final DecoderModel model;
        private final Tensor lossSum;

        Built(String family, String keys, ModelPart partOrNull, long chunkBytes) {
            this(family, keys, partOrNull, chunkBytes, Recompute.none());
        }

        Built(String family, String keys, ModelPart partOrNull, long chunkBytes, Recompute recompute) {
            config = ConfigReader.parse("{\"model_type\":\"" + family + "\"" + SHAPE + keys + "}", "test");
            ModelPart part = partOrNull == null ? ModelPart.whole(config) : partOrNull;
            parameters = Parameters.allocate(DecoderSpecs.of(config, part), Slicing.whole(), frame, DType.F32, Parameters.Use.TRAIN, 1);
            Initialiser.initialise(parameters, engine.kernels(), 17);
            engine.kernels().scale(parameters.value(), 5);
            engine.kernels().fill(parameters.gradient(), 0);
            model = new DecoderModel(config, new DecoderModel.Options(part, Seams.single(), recompute, chunkBytes, 16), parameters, engine, frame);
            lossSum = frame.tensor("loss", DType.F32, 1);
            engine.kernels().fill(lossSum, 0);
        }

        static Built of(String family, String keys) {
            return new Built(family, keys, null, 5 * 37 * 4);
        }

        Pass train(HostTokens tokens, float scale) {
            return model.begin(tokens, scale, Pass.Mode.TRAIN, microBatch, scratch, lossSum);
        }

        void step(HostTokens tokens, float scale) {
            try (Pass pass = train(tokens, scale)) {
                model.forward(pass);
                model.backward(pass);
            }
            assertEquals(0, microBatch.usedBytes());
            assertEquals(0, scratch.usedBytes());
        }

        float loss(HostTokens tokens) {
            engine.kernels().fill(lossSum, 0);
            try (Pass pass = model.begin(tokens, 1, Pass.Mode.EVALUATE, microBatch, scratch, lossSum)) {
                model.forward(pass);
            }
            return read(lossSum)[0];
        }

        float[] logits(HostTokens tokens, AttentionCache cache, int from, int count) {
            try (Arena.Frame logitsFrame = scratch.open("logits"); Pass pass = model.begin(tokens, cache, microBatch, scratch)) {
                Tensor logits = logitsFrame.tensor("logits", DType.F32, count, config.vocabularySize());
                model.logits(pass, from, count, logits);
                return read(logits);
            }
        }

        float[] read(Tensor tensor) {
            ByteBuffer bytes = ByteBuffer.allocateDirect((int) tensor.sizeBytes()).order(ByteOrder.nativeOrder());
            engine.read(tensor, bytes);
            bytes.position(0).limit(bytes.capacity());
            float[] values = new float[(int) tensor.elements()];
            bytes.asFloatBuffer().get(values);
            return values;
        }

        void write(Tensor tensor, float[] values) {
            engine.write(tensor, HostArrays.bytes(values));
        }

        Map<String, float[]> gradients() {
            Map<String, float[]> gradients = new LinkedHashMap<>();
            for (Parameter parameter : parameters.all()) {
                gradients.put(parameter.spec().name(), read(parameter.gradient()));
            }
            return gradients;
        }

        /** Forward and backward of a last stage. @return the gradient to send back */
        float[] lastStage(HostTokens tokens, float[] received) {
            try (Pass pass = train(tokens, 0.5f)) {
                write(model.input(pass), received);
                model.forward(pass);
                return read(model.backward(pass, null));
            }
        }

        /** Backward of a first stage. */
        void backward(Pass pass, float[] received) {
            try (Arena.Frame call = scratch.open("received")) {
                Tensor gradient = call.tensor("gradient", DType.F32, received.length / config.hiddenSize(), config.hiddenSize());
                write(gradient, received);
                model.backward(pass, gradient);
            }
        }

        @Override
        public void close() {
            scratch.close();
            microBatch.close();
            frame.close();
            run.close();
        }
    }

    /** Documents of these lengths, the last label of each not trained. */
    private static HostTokens documents(long seed, int... lengths) {
        int total = Arrays.stream(lengths).sum();
        Random random = new Random(seed);
        int[] ids = random.ints(total, 0, 37).toArray();
        int[] labels = new int[total];
        int[] positions = new int[total];
        int[] documents = new int[total];
        float[] weights = new float[total];
        int t = 0;
        for (int d = 0; d < lengths.length; d++) {
            for (int p = 0; p < lengths[d]; p++, t++) {
                positions[t] = p;
                documents[t] = d;
                labels[t] = p + 1 < lengths[d] ? ids[t + 1] : -100;
                weights[t] = 0.25f + random.nextFloat();
            }
        }
        return HostTokens.of(ids, labels, weights, positions, documents);
    }

    private static HostTokens document(HostTokens packed, int document) {
        int from = 0;
        while (packed.documents()[from] != document) {
            from++;
        }
        int to = from;
        while (to < packed.tokens() && packed.documents()[to] == document) {
            to++;
        }
        return HostTokens.of(Arrays.copyOfRange(packed.ids(), from, to), Arrays.copyOfRange(packed.labels(), from, to),
                Arrays.copyOfRange(packed.weights(), from, to), Arrays.copyOfRange(packed.positions(), from, to), new int[to - from]);
    }

    @Test
    void aPackedRowIsItsDocuments() {
        HostTokens packed = documents(1, 5, 1, 9, 3);
        try (Built together = Built.of("qwen3", ""); Built apart = Built.of("qwen3", "")) {
            together.step(packed, 0.125f);
            for (int document = 0; document < 4; document++) {
                apart.step(document(packed, document), 0.125f);
            }
            assertEquals(apart.read(apart.lossSum)[0], together.read(together.lossSum)[0], 1e-5f);
            assertSame(apart.gradients(), together.gradients(), 1e-5);
            assertTrue(together.read(together.lossSum)[0] > 1);
        }
    }

    @Test
    void weightsAndScaleAreFactorsOfTheLoss() {
        HostTokens tokens = documents(2, 6, 4);
        float[] ones = new float[10];
        Arrays.fill(ones, 1);
        float[] twos = new float[10];
        Arrays.fill(twos, 2);
        try (Built one = Built.of("llama", ""); Built two = Built.of("llama", "")) {
            one.step(HostTokens.of(tokens.ids(), tokens.labels(), null, tokens.positions(), tokens.documents()), 0.5f);
            two.step(HostTokens.of(tokens.ids(), tokens.labels(), twos, tokens.positions(), tokens.documents()), 0.25f);
            assertArrayEquals(one.read(one.lossSum), two.read(two.lossSum));
            assertSame(one.gradients(), two.gradients(), 0);
        }
    }

    /** Finite differences of the loss by every parameter's most sensitive elements, embedding and head included; the loss is float32. */
    @Test
    void gradientsOfTheLoss() {
        for (String keys : new String[] {"", ",\"tie_word_embeddings\":true"}) {
            try (Built built = Built.of("qwen2", keys)) {
                HostTokens tokens = documents(3, 7, 6);
                built.step(tokens, 1);
                Map<String, float[]> gradients = built.gradients();
                for (Parameter parameter : built.parameters.all()) {
                    float[] gradient = gradients.get(parameter.spec().name());
                    int largest = 0;
                    for (int i = 0; i < gradient.length; i++) {
                        largest = Math.abs(gradient[i]) > Math.abs(gradient[largest]) ? i : largest;
                    }
                    assertTrue(Math.abs(gradient[largest]) > 1e-4, "no gradient reaches " + parameter.spec().name());
                    double slope = slope(built, parameter, largest, tokens);
                    assertEquals(slope, gradient[largest], 0.01 * Math.abs(slope) + 1e-2, parameter.spec().name());
                }
            }
        }
    }

    private static double slope(Built built, Parameter parameter, int element, HostTokens tokens) {
        float[] values = built.read(parameter.value());
        float old = values[element];
        float step = 1e-3f;
        values[element] = old + step;
        built.write(parameter.value(), values);
        double up = built.loss(tokens);
        values[element] = old - step;
        built.write(parameter.value(), values);
        double down = built.loss(tokens);
        values[element] = old;
        built.write(parameter.value(), values);
        return (up - down) / (2 * step);
    }

    @Test
    void twoStagesAreTheModel() {
        HostTokens first = documents(4, 5, 4);
        HostTokens second = documents(5, 3, 6);
        try (Built whole = Built.of("qwen3", "");
                Built front = new Built("qwen3", "", new ModelPart(0, 2, true, false), 1 << 20);
                Built back = new Built("qwen3", "", new ModelPart(2, 1, false, true), 1 << 20)) {
            whole.step(first, 0.5f);
            whole.step(second, 0.5f);
            StackArena other = StackArena.growing("second micro-batch", front.engine.memory(), 1 << 16);
            // Both forwards of the front stage before its first backward, as one-forward-one-backward schedules have it.
            try (Pass one = front.train(first, 0.5f);
                    Pass two = front.model.begin(second, 0.5f, Pass.Mode.TRAIN, other, front.scratch, null)) {
                float[] sentFirst = front.read(front.model.forward(one));
                float[] sentSecond = front.read(front.model.forward(two));
                front.backward(one, back.lastStage(first, sentFirst));
                front.backward(two, back.lastStage(second, sentSecond));
            }
            other.close();
            Map<String, float[]> joined = new LinkedHashMap<>(front.gradients());
            joined.putAll(back.gradients());
            assertEquals(whole.gradients().keySet(), joined.keySet());
            assertSame(whole.gradients(), joined, 1e-6);
            assertEquals(whole.read(whole.lossSum)[0], back.read(back.lossSum)[0], 1e-5f);
        }
    }

    @Test
    void aCacheGivesTheLogitsOfTheWhole() {
        int[] ids = new Random(6).ints(12, 0, 37).toArray();
        try (Built built = Built.of("qwen3", ""); Arena.Frame frame = built.run.open("cache")) {
            float[] whole = built.logits(HostTokens.sequence(ids, 0), null, 0, 12);
            SequenceCache cache = new SequenceCache(built.config, built.config.kvHeads(), built.engine, frame, 12, DType.F32);
            int at = 0;
            for (int count : new int[] {5, 1, 1, 4, 1}) {
                float[] logits = built.logits(HostTokens.sequence(Arrays.copyOfRange(ids, at, at + count), at), cache, 0, count);
                assertArrayEquals(Arrays.copyOfRange(whole, at * 37, (at + count) * 37), logits, 1e-4f);
                cache.advance(count);
                at += count;
            }
            IllegalStateException full = assertThrows(IllegalStateException.class, () -> built.logits(HostTokens.sequence(new int[] {1}, 12), cache, 0, 1));
            assertTrue(full.getMessage().contains("13 tokens") && full.getMessage().contains("12"), full.getMessage());
            cache.truncate(5);
            assertArrayEquals(Arrays.copyOfRange(whole, 5 * 37, 6 * 37), built.logits(HostTokens.sequence(new int[] {ids[5]}, 5), cache, 0, 1), 1e-4f);
        }
    }

    @Test
    void aMicroBatchWithoutTrainedTokensChangesNothing() {
        HostTokens tokens = documents(7, 5);
        int[] none = new int[5];
        Arrays.fill(none, -100);
        try (Built built = Built.of("mistral", "")) {
            built.step(HostTokens.of(tokens.ids(), none, null, tokens.positions(), tokens.documents()), 1);
            assertEquals(0, built.read(built.lossSum)[0]);
            built.gradients().forEach((name, gradient) -> assertArrayEquals(new float[gradient.length], gradient, name));
        }
    }

    /** Per token and layer: two sums of D, [q k v], heads, their log-sum-exps, [gate up], two inverse root mean squares; and nothing of size V. */
    @Test
    void whatIsSavedIsCounted() {
        try (Built built = Built.of("llama", "")) {
            int tokens = 512;
            HostTokens batch = documents(8, tokens / 4, tokens / 4, tokens / 4, tokens / 4);
            try (Pass pass = built.train(batch, 1)) {
                built.model.forward(pass);
                long perLayer = 2 * 8 + (4 + 2 * 2) * 6 + 4 * 6 + 4 + 2 * 10 + 2;
                long stream = 8;
                long batchItself = 3 + 2 + 1;
                assertEquals((3 * perLayer + 2 * stream + batchItself) * tokens * 4L, built.microBatch.usedBytes(), 64 * 256.0);
                built.model.backward(pass);
            }
            long logits = tokens * 37L * 4;
            assertTrue(built.scratch.peakBytes() < 3L * tokens * (48 + 24 + 8) * 4, "scratch " + built.scratch.peakBytes() + ", all logits are " + logits);
        }
    }

    /** Bytes held between forward and backward fall with what is computed again, and at the end of backward never exceed one layer's worth more. */
    @Test
    void computingAgainSavesMemory() {
        HostTokens batch = documents(9, 64, 64);
        long[] held = new long[4];
        long[] peak = new long[4];
        Recompute[] ways = {Recompute.none(), Recompute.selective(java.util.Set.of(Recompute.Module.MLP)), Recompute.full(Recompute.Method.BLOCK, 2),
            Recompute.full(Recompute.Method.UNIFORM, 1)};
        for (int way = 0; way < ways.length; way++) {
            try (Built built = new Built("llama", "", null, 1 << 20, ways[way])) {
                try (Pass pass = built.train(batch, 1)) {
                    built.model.forward(pass);
                    held[way] = built.microBatch.usedBytes();
                    built.model.backward(pass);
                }
                peak[way] = built.microBatch.peakBytes();
            }
            assertTrue(way == 0 || held[way] < held[way - 1], "bytes held: " + Arrays.toString(held));
        }
        int tokens = 128;
        assertEquals((3 * 2 * 8 + 2 * 8 + 6) * tokens * 4L, held[3], 20 * 256.0, "full: the streams between the layers and nothing else");
        assertTrue(peak[3] < held[3] + (held[0] - held[3]) / 2, "one layer of three at a time: " + Arrays.toString(peak) + " of " + Arrays.toString(held));
    }

    @Test
    void idsOutsideTheVocabularyAreNamed() {
        try (Built built = Built.of("llama", "")) {
            HostTokens wrong = HostTokens.of(new int[] {3, 37}, new int[] {1, -100}, null, new int[] {0, 1}, new int[2]);
            IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class, () -> built.step(wrong, 1));
            assertTrue(refusal.getMessage().contains("token 1 has id 37") && refusal.getMessage().contains("37 entries"), refusal.getMessage());
            assertEquals(0, built.microBatch.usedBytes());
        }
    }

    @Test
    void initialWeightsDependOnSeedAndNameAlone() {
        try (Built whole = Built.of("qwen3", ""); Built back = new Built("qwen3", "", new ModelPart(1, 2, false, true), 1 << 20)) {
            for (Parameter parameter : back.parameters.all()) {
                assertArrayEquals(whole.read(whole.parameters.get(parameter.spec().name()).value()), back.read(parameter.value()), parameter.spec().name());
            }
            float[] first = whole.read(whole.parameters.get("decoder.layers.1.mlp.linear_fc2.weight").value());
            float[] second = whole.read(whole.parameters.get("decoder.layers.2.mlp.linear_fc2.weight").value());
            assertTrue(!Arrays.equals(first, second), "layers must not start alike");
        }
    }

    private static void assertSame(Map<String, float[]> expected, Map<String, float[]> actual, double tolerance) {
        assertEquals(expected.keySet(), actual.keySet());
        expected.forEach((name, values) -> {
            double difference = 0;
            double norm = 0;
            for (int i = 0; i < values.length; i++) {
                difference += Math.pow(values[i] - actual.get(name)[i], 2);
                norm += Math.pow(values[i], 2);
            }
            assertTrue(norm > 0, name + " has no gradient");
            assertTrue(Math.sqrt(difference / norm) <= tolerance, name + " differs by " + Math.sqrt(difference / norm));
        });
    }
}
