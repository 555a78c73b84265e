package ai.sparktron.trainer.layer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.InProcessWorld;
import ai.sparktron.trainer.comm.Ranks;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.ReferenceEngine;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.Dim;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ModelPart;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.Slicing;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.seam.AttentionCore;
import ai.sparktron.trainer.seam.Region;
import ai.sparktron.trainer.seam.Seams;
import ai.sparktron.trainer.seam.TokenDeal;
import ai.sparktron.trainer.seam.TokenDispatcher;
import ai.sparktron.trainer.seam.VocabularyGroup;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The seams are where strategies need them: the plainest tensor, sequence and context parallelism, written here against them, give the loss and gradients of one
 * rank without a change in any layer.
 */
class SeamsTest {

    private static final int RANKS = 2;
    private static final int TOKENS = 16;
    private static final String SHAPE = ",\"hidden_size\":8,\"num_hidden_layers\":2,\"num_attention_heads\":4,\"num_key_value_heads\":2,\"head_dim\":6,"
            + "\"intermediate_size\":10,\"vocab_size\":38,\"max_position_embeddings\":64}";
    private static final String QWEN3 = "{\"model_type\":\"qwen3\",\"attention_bias\":true" + SHAPE;
    private static final String TIED = "{\"model_type\":\"llama\",\"tie_word_embeddings\":true,\"attention_bias\":true,\"mlp_bias\":true" + SHAPE;

    /** Loss, and the sum over ranks of each element of the global gradients with the number of ranks that hold it. */
    private record Result(float loss, Map<String, float[]> gradients) {
    }

    private static HostTokens tokens() {
        Random random = new Random(3);
        int[] ids = random.ints(TOKENS, 0, 38).toArray();
        int[] labels = random.ints(TOKENS, 0, 38).toArray();
        labels[0] = -100;
        labels[9] = -100;
        int[] positions = new int[TOKENS];
        int[] documents = new int[TOKENS];
        for (int t = 0; t < TOKENS; t++) {
            documents[t] = t < 3 ? 0 : t < 13 ? 1 : 2;
            positions[t] = t < 3 ? t : t < 13 ? t - 3 : t - 13;
        }
        return HostTokens.of(ids, labels, null, positions, documents);
    }

    /** Runs a step; gradients are placed into the global tensors, zeros where nothing is held. */
    private static Result step(String json, Seams seams, HostTokens tokens, Engine engine) {
        ModelConfig config = ConfigReader.parse(json, "test");
        StackArena run = StackArena.growing("run", engine.memory(), 1 << 16);
        StackArena microBatch = StackArena.growing("micro-batch", engine.memory(), 1 << 16);
        StackArena scratch = StackArena.growing("call", engine.memory(), 1 << 16);
        try (Arena.Frame frame = run.open("model")) {
            Parameters parameters = Parameters.allocate(DecoderSpecs.of(config), seams.slicing(), frame, DType.F32, Parameters.Use.TRAIN, 1);
            Initialiser.initialise(parameters, engine.kernels(), 5);
            engine.kernels().scale(parameters.value(), 6);
            engine.kernels().fill(parameters.gradient(), 0);
            Tensor loss = frame.tensor("loss", DType.F32, 1);
            engine.kernels().fill(loss, 0);
            DecoderModel model = new DecoderModel(config, new DecoderModel.Options(ModelPart.whole(config), seams, Recompute.none(), 5 * 38 * 4, 16), parameters, engine,
                    frame);
            try (Pass pass = model.begin(tokens, 0.25f, Pass.Mode.TRAIN, microBatch, scratch, loss)) {
                model.forward(pass);
                model.backward(pass);
            }
            assertEquals(0, microBatch.usedBytes());
            assertEquals(0, scratch.usedBytes());
            Map<String, float[]> gradients = new HashMap<>();
            for (Parameter parameter : parameters.all()) {
                for (int part = 0; part < parameter.slices().size(); part++) {
                    TensorSlice slice = parameter.slices().get(part);
                    gradients.put(slice.tensor().name(), placed(slice, floats(parameter.partGradient(part), engine)));
                }
            }
            return new Result(floats(loss, engine)[0], gradients);
        }
    }

    private static float[] placed(TensorSlice slice, float[] held) {
        float[] global = new float[(int) slice.tensor().elements()];
        for (int i = 0; i < held.length; i++) {
            long row = slice.firstRow() + i / slice.columns();
            global[(int) (row * slice.tensor().columns() + slice.firstColumn() + i % slice.columns())] = held[i];
        }
        return global;
    }

    private static float[] floats(Tensor tensor, Engine engine) {
        ByteBuffer bytes = ByteBuffer.allocateDirect((int) tensor.sizeBytes()).order(ByteOrder.nativeOrder());
        engine.read(tensor, bytes);
        bytes.position(0).limit(bytes.capacity());
        float[] values = new float[(int) tensor.elements()];
        bytes.asFloatBuffer().get(values);
        return values;
    }

    /** Rank r holds the r-th half of every dimension that counts heads, feed-forward columns or vocabulary. */
    private static Slicing halves(int rank) {
        return tensor -> {
            boolean vector = tensor.dims().size() == 1;
            long rows = !vector && isCut(tensor.dims().get(0)) ? tensor.rows() / RANKS : tensor.rows();
            long columns = isCut(tensor.dims().get(tensor.dims().size() - 1)) ? tensor.columns() / RANKS : tensor.columns();
            return new TensorSlice(tensor, rows < tensor.rows() ? rank * rows : 0, rows, columns < tensor.columns() ? rank * columns : 0, columns);
        };
    }

    private static boolean isCut(Dim dim) {
        return dim.kind().mayBeCut();
    }

    /** All-reduce at both borders. */
    private record TensorRegion(Communicator group) implements Region {
        @Override
        public Tensor enter(Tensor x, Arena.Frame scratch) {
            return x;
        }

        @Override
        public Tensor partial(Tensor out, Arena.Frame scratch) {
            return out;
        }

        @Override
        public void exit(Tensor partial, Tensor out) {
            group.allReduce(out, Reduction.SUM);
        }

        @Override
        public Tensor exitGrad(Tensor dOut, Arena.Frame scratch) {
            return dOut;
        }

        @Override
        public Tensor enteredGradient(Tensor dx, Arena.Frame scratch) {
            return dx;
        }

        @Override
        public void enterGrad(Tensor dEntered, Tensor dx) {
            group.allReduce(dx, Reduction.SUM);
        }

        @Override
        public int tokensInside(int tokensOutside) {
            return tokensOutside;
        }

        @Override
        public int tokensOutside(int tokensInside) {
            return tokensInside;
        }
    }

    /** All-gather of T into the region, reduce-scatter out of it. */
    private record SequenceRegion(Communicator group) implements Region {
        private static Tensor whole(Tensor part, Arena.Frame scratch) {
            return scratch.tensor("whole", part.dtype(), RANKS * part.rows(), part.columns());
        }

        @Override
        public Tensor enter(Tensor x, Arena.Frame scratch) {
            Tensor whole = whole(x, scratch);
            group.allGather(x, whole);
            return whole;
        }

        @Override
        public Tensor partial(Tensor out, Arena.Frame scratch) {
            return whole(out, scratch);
        }

        @Override
        public void exit(Tensor partial, Tensor out) {
            group.reduceScatter(partial, out, Reduction.SUM);
        }

        @Override
        public Tensor exitGrad(Tensor dOut, Arena.Frame scratch) {
            return enter(dOut, scratch);
        }

        @Override
        public Tensor enteredGradient(Tensor dx, Arena.Frame scratch) {
            return whole(dx, scratch);
        }

        @Override
        public void enterGrad(Tensor dEntered, Tensor dx) {
            group.reduceScatter(dEntered, dx, Reduction.SUM);
        }

        @Override
        public int tokensInside(int tokensOutside) {
            return tokensOutside * RANKS;
        }

        @Override
        public int tokensOutside(int tokensInside) {
            return tokensInside / RANKS;
        }
    }

    /** Log-sum-exps of the halves joined on the host: a test may. */
    private static VocabularyGroup vocabulary(Communicator group, Engine engine) {
        return (kernels, scratch, logSumExp, picked) -> {
            float[] values = floats(logSumExp, engine);
            ByteBuffer own = ByteBuffer.allocate(values.length * Float.BYTES);
            own.asFloatBuffer().put(values);
            double[] sums = new double[values.length];
            for (byte[] theirs : group.allGather(own.array())) {
                for (int i = 0; i < values.length; i++) {
                    sums[i] += Math.exp(ByteBuffer.wrap(theirs).getFloat(i * Float.BYTES));
                }
            }
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) Math.log(sums[i]);
            }
            engine.write(logSumExp, HostArrays.bytes(values));
            group.allReduce(picked, Reduction.SUM);
        };
    }

    @ParameterizedTest
    @ValueSource(strings = {QWEN3, TIED})
    void tensorParallelIsASeam(String json) {
        Result one = step(json, Seams.single(), tokens(), new ReferenceEngine());
        List<Result> two = Ranks.run(InProcessWorld.create(RANKS, Duration.ofSeconds(20)), world -> {
            Engine engine = new ReferenceEngine();
            Communicator group = world.all("tensor");
            return step(json, new Seams(halves(world.rank()), TokenDeal.whole(), new TensorRegion(group), AttentionCore.local(), vocabulary(group, engine), TokenDispatcher.local()),
                    tokens(), engine);
        });
        two.forEach(result -> assertEquals(one.loss(), result.loss(), 1e-5f));
        // Cut tensors and query/key norms, whose heads are cut, have shares; the others are whole on both.
        compare(json, one, two, name -> name.contains("q_norm") || name.contains("k_norm"));
    }

    @ParameterizedTest
    @ValueSource(strings = {QWEN3, TIED})
    void sequenceParallelIsASeam(String json) {
        Result one = step(json, Seams.single(), tokens(), new ReferenceEngine());
        List<Result> two = Ranks.run(InProcessWorld.create(RANKS, Duration.ofSeconds(20)), world -> {
            Engine engine = new ReferenceEngine();
            Communicator group = world.all("tensor");
            return step(json, new Seams(halves(world.rank()), TokenDeal.whole(), new SequenceRegion(group), AttentionCore.local(), vocabulary(group, engine), TokenDispatcher.local()),
                    tokens(), engine);
        });
        two.forEach(result -> assertEquals(one.loss(), result.loss(), 1e-5f));
        // Outside of the regions each rank saw half of the tokens: everything has shares.
        compare(json, one, two, name -> true);
    }

    @Test
    void contextParallelIsASeam() {
        HostTokens all = tokens();
        Result one = step(QWEN3, Seams.single(), all, new ReferenceEngine());
        List<Result> two = Ranks.run(InProcessWorld.create(RANKS, Duration.ofSeconds(20)), world -> {
            Engine engine = new ReferenceEngine();
            AttentionCore gathered = new GatheredAttention(world.all("context"));
            return step(QWEN3, new Seams(Slicing.whole(), new Halves(world.rank()), Region.none(), gathered, VocabularyGroup.alone(), TokenDispatcher.local()), all, engine);
        });
        assertEquals(one.loss(), two.get(0).loss() + two.get(1).loss(), 1e-5f);
        compare(QWEN3, one, two, name -> true);
    }

    /** Each rank has one half of the tokens. */
    private record Halves(int rank) implements TokenDeal {
        @Override
        public int ranks() {
            return RANKS;
        }

        @Override
        public int[] held(int rank, int tokens) {
            return IntStream.range(rank * tokens / RANKS, (rank + 1) * tokens / RANKS).toArray();
        }
    }

    /** Keys and values of all ranks are gathered; their gradients are summed and scattered. */
    private record GatheredAttention(Communicator group) implements AttentionCore {
        private Operands whole(Kernels kernels, Arena.Frame frame, Operands in) {
            return new Operands(in.q(), gather(kernels, frame, in.k()), gather(kernels, frame, in.v()), in.shape(), in.queries(), in.dealt().all(), null);
        }

        private Tensor gather(Kernels kernels, Arena.Frame frame, Tensor part) {
            Tensor own = frame.tensor("own", part.dtype(), part.rows(), part.columns());
            kernels.copy(part, own);
            Tensor whole = frame.tensor("whole", part.dtype(), RANKS * part.rows(), part.columns());
            group.allGather(own, whole);
            return whole;
        }

        @Override
        public void forward(Kernels kernels, Arena scratch, Operands in, Tensor out, Tensor logSumExp) {
            try (Arena.Frame frame = scratch.open("gathered")) {
                AttentionCore.local().forward(kernels, scratch, whole(kernels, frame, in), out, logSumExp);
            }
        }

        @Override
        public void backward(Kernels kernels, Arena scratch, Operands in, Tensor dOut, Tensor out, Tensor logSumExp, Operands gradients) {
            try (Arena.Frame frame = scratch.open("gathered")) {
                Operands whole = whole(kernels, frame, in);
                Tensor dk = frame.tensor("dk", in.k().dtype(), whole.k().rows(), whole.k().columns());
                Tensor dv = frame.tensor("dv", in.v().dtype(), whole.v().rows(), whole.v().columns());
                kernels.attentionGrad(dOut, whole.q(), whole.k(), whole.v(), out, logSumExp, in.shape(), whole.queries(), whole.keys(), gradients.q(), dk, dv,
                        Write.OVERWRITE);
                scatter(kernels, frame, dk, gradients.k());
                scatter(kernels, frame, dv, gradients.v());
            }
        }

        private void scatter(Kernels kernels, Arena.Frame frame, Tensor whole, Tensor part) {
            Tensor own = frame.tensor("own", part.dtype(), part.rows(), part.columns());
            group.reduceScatter(whole, own, Reduction.SUM);
            kernels.copy(own, part);
        }
    }

    private static void compare(String json, Result one, List<Result> two, java.util.function.Predicate<String> hasShares) {
        ModelConfig config = ConfigReader.parse(json, "test");
        int checked = 0;
        for (var spec : DecoderSpecs.of(config)) {
            for (var tensor : spec.parts()) {
                boolean shares = tensor.dims().stream().anyMatch(SeamsTest::isCut) || hasShares.test(tensor.name());
                float[] expected = one.gradients().get(tensor.name());
                double difference = 0;
                double norm = 0;
                for (int i = 0; i < expected.length; i++) {
                    float first = two.get(0).gradients().get(tensor.name())[i];
                    float second = two.get(1).gradients().get(tensor.name())[i];
                    difference += Math.pow(expected[i] - (shares ? first + second : first), 2);
                    norm += Math.pow(expected[i], 2);
                }
                assertTrue(norm > 0, tensor.name() + " has no gradient");
                assertTrue(Math.sqrt(difference / norm) < 1e-5, tensor.name() + " differs by " + Math.sqrt(difference / norm));
                checked++;
            }
        }
        assertTrue(checked > 20, "tensors checked: " + checked);
    }
}
