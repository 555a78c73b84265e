package ai.sparktron.benchmarks;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.layer.DecoderModel;
import ai.sparktron.trainer.layer.HostTokens;
import ai.sparktron.trainer.layer.Initialiser;
import ai.sparktron.trainer.layer.Pass;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.Slicing;
import ai.sparktron.trainer.optimizer.AdamW;
import ai.sparktron.trainer.optimizer.FlatRange;
import ai.sparktron.trainer.optimizer.OwnRange;
import ai.sparktron.trainer.optimizer.StateTypes;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * The trainer's own layers as a Llama of 7.41 million parameters, trained on one batch over and over: hidden 256, 4 layers, 4 heads of 64, feed-forward 704,
 * vocabulary 8,192, 4 documents of 256 tokens.
 */
final class MiniLlama implements AutoCloseable {

    static final int TOKENS = 1024;
    private static final int DOCUMENT = 256;
    private static final int VOCABULARY = 8192;
    private static final long CHUNK_BYTES = 64L << 20;
    private static final String CONFIG = """
            {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": 4,
             "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 64, "vocab_size": 8192, "max_position_embeddings": 256,
             "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": false}
            """;

    private final Engine engine;
    private final Kernels kernels;
    private final StackArena run;
    private final StackArena microBatch;
    private final StackArena scratch;
    private final Arena.Frame frame;
    private final Parameters parameters;
    private final DecoderModel model;
    private final AdamW optimizer;
    private final HostTokens tokens;
    private final Tensor lossSum;
    private final Tensor scalar;
    private final Tensor factor;
    private final Tensor norm;
    private final ByteBuffer bytes = ByteBuffer.allocateDirect(Float.BYTES).order(ByteOrder.nativeOrder());

    MiniLlama(Engine engine) {
        this.engine = engine;
        this.kernels = engine.kernels();
        this.run = StackArena.growing("run", engine.memory(), CHUNK_BYTES);
        this.microBatch = StackArena.growing("micro-batch", engine.memory(), CHUNK_BYTES);
        this.scratch = StackArena.growing("scratch", engine.memory(), CHUNK_BYTES);
        this.frame = run.open("run");
        ModelConfig config = ConfigReader.parse(CONFIG, "mini Llama");
        this.parameters = Parameters.allocate(DecoderSpecs.of(config), Slicing.whole(), frame, DType.F32, Parameters.Use.TRAIN, 1);
        Initialiser.initialise(parameters, kernels, 1);
        this.model = new DecoderModel(config, DecoderModel.Options.single(config, DOCUMENT), parameters, engine, frame);
        List<FlatRange> ranges = List.of(new FlatRange(0, parameters.decayedElements(), true),
                new FlatRange(parameters.decayedElements(), parameters.trainedElements(), false));
        StateTypes types = StateTypes.of(DType.F32);
        OwnRange own = OwnRange.allocate(types, parameters.value().rows(0, parameters.trainedElements()), parameters.gradient(), 0, frame);
        this.optimizer = new AdamW(engine, new AdamW.Settings(0.9f, 0.95f, 1e-8f, 0.1f), own, types, null, ranges, frame);
        this.lossSum = frame.tensor("loss", DType.F32, 1);
        this.scalar = frame.tensor("scalar", DType.F32, 1);
        this.factor = frame.tensor("gradient factor", DType.F32, 1);
        this.norm = frame.tensor("gradient norm", DType.F32, 1);
        this.tokens = tokens();
    }

    private static HostTokens tokens() {
        int[] ids = new Random(1).ints(TOKENS + 1, 0, VOCABULARY).toArray();
        int[] positions = new int[TOKENS];
        int[] documents = new int[TOKENS];
        for (int t = 0; t < TOKENS; t++) {
            positions[t] = t % DOCUMENT;
            documents[t] = t / DOCUMENT;
        }
        return HostTokens.of(Arrays.copyOf(ids, TOKENS), Arrays.copyOfRange(ids, 1, TOKENS + 1), null, positions, documents);
    }

    /** Forward, backward, clipping, AdamW; returns the mean loss before the update. */
    float step() {
        kernels.fill(lossSum, 0);
        kernels.fill(parameters.gradient(), 0);
        try (Pass pass = model.begin(tokens, 1, Pass.Mode.TRAIN, microBatch, scratch, lossSum)) {
            model.forward(pass);
            model.backward(pass);
        }
        kernels.sumOfSquares(parameters.gradient(), scalar, Write.OVERWRITE);
        kernels.gradientFactor(scalar, TOKENS, 1, factor, norm);
        optimizer.step(1e-3f, factor);
        return read(lossSum) / TOKENS;
    }

    private float read(Tensor number) {
        engine.read(number, bytes.clear());
        return bytes.getFloat(0);
    }

    @Override
    public void close() {
        frame.close();
        run.close();
        microBatch.close();
        scratch.close();
    }
}
