package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.ReferenceEngine;
import ai.sparktron.trainer.model.Adapters;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.Slicing;
import ai.sparktron.trainer.seam.TokenDeal;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;

/** A tiny model of float64 on the reference engine, with arenas that are watched. */
final class LayerLab {

    /** Documents of 3, 1 and 3 tokens. */
    static final int[] POSITIONS = {0, 1, 2, 0, 0, 1, 2};
    static final int[] DOCUMENTS = {0, 0, 0, 1, 2, 2, 2};
    static final int TOKENS = POSITIONS.length;

    final Engine engine = new ReferenceEngine();
    final StackArena run = StackArena.growing("run", engine.memory(), 1 << 16);
    final StackArena scratch = StackArena.growing("call", engine.memory(), 1 << 16);
    final Arena.Frame frame = run.open("lab");
    final ModelConfig config;
    final Parameters parameters;
    final Rope rope;
    final Tensor lossSum;

    LayerLab(String family, String moreKeys, boolean trainable) {
        this(family, moreKeys, trainable, Adapters.none());
    }

    /** @param adapters whose parameters are added */
    LayerLab(String family, String moreKeys, boolean trainable, Adapters adapters) {
        config = ConfigReader.parse("{\"model_type\":\"" + family + "\",\"hidden_size\":6,\"num_hidden_layers\":3,\"num_attention_heads\":4,\"num_key_value_heads\":2,"
                + "\"head_dim\":4,\"intermediate_size\":5,\"vocab_size\":11,\"max_position_embeddings\":64,\"rope_theta\":100.0" + moreKeys + "}", "lab");
        List<ParameterSpec> specs = adapters.addTo(DecoderSpecs.of(config)).stream().map(spec -> spec.withTrainable(trainable)).toList();
        parameters = Parameters.allocate(specs, Slicing.whole(), frame, DType.F64, Parameters.Use.TRAIN, 1);
        Random random = new Random(7);
        double[] values = new double[(int) parameters.value().elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = 0.5 * random.nextGaussian() + 0.1;
        }
        write(parameters.value(), values);
        if (parameters.buffers() != null) {
            write(parameters.buffers(), random.doubles(parameters.buffers().elements(), 0, 0.2).toArray());
        }
        clearGradients();
        rope = new Rope(config, engine, frame, 16);
        lossSum = frame.tensor("loss", DType.F32, 1);
        engine.kernels().fill(lossSum, 0);
    }

    void clearGradients() {
        if (parameters.gradient() != null) {
            engine.kernels().fill(parameters.gradient(), 0);
        }
    }

    /** A pass over the lab's documents, on an arena of its own. */
    Pass begin(Pass.Mode mode, StackArena microBatch, long seed, boolean withGradient) {
        Random random = new Random(seed);
        int[] ids = random.ints(TOKENS, 0, config.vocabularySize()).toArray();
        int[] labels = random.ints(TOKENS, 0, config.vocabularySize()).toArray();
        labels[1] = -100;
        labels[6] = -100;
        float[] weights = new float[TOKENS];
        for (int i = 0; i < TOKENS; i++) {
            weights[i] = 0.5f + random.nextFloat();
        }
        Arena.Frame passFrame = microBatch.open("pass");
        TokenBatch batch = TokenBatch.upload(HostTokens.of(ids, labels, weights, POSITIONS, DOCUMENTS), TokenDeal.whole(), 0.25f, engine, passFrame);
        Tensor gradient = withGradient ? passFrame.tensor("stream.grad", DType.F64, TOKENS, config.hiddenSize()) : null;
        Saved saved = mode == Pass.Mode.TRAIN ? Saved.keeping(microBatch) : Saved.discarding(scratch);
        return new Pass(engine, PassArenas.alone(microBatch, scratch), passFrame, saved, batch, rope.tableFor(batch.reach(), passFrame), null, new LossRequest(lossSum, null),
                new Pass.Borders(null, null, gradient), mode);
    }

    /** [TOKENS, D] of fixed random numbers. */
    double[] activation(long seed) {
        Random random = new Random(seed);
        double[] values = new double[TOKENS * config.hiddenSize()];
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextGaussian();
        }
        return values;
    }

    Tensor tensor(Arena.Frame from, String name, double[] values) {
        Tensor made = from.tensor(name, DType.F64, TOKENS, config.hiddenSize());
        write(made, values);
        return made;
    }

    void write(Tensor tensor, double[] values) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(values.length * tensor.dtype().sizeBytes()).order(ByteOrder.nativeOrder());
        if (tensor.dtype() == DType.F64) {
            bytes.asDoubleBuffer().put(values);
        } else {
            for (int i = 0; i < values.length; i++) {
                bytes.putFloat(i * Float.BYTES, (float) values[i]);
            }
        }
        engine.write(tensor, bytes);
    }

    double[] read(Tensor tensor) {
        ByteBuffer bytes = ByteBuffer.allocateDirect((int) tensor.sizeBytes()).order(ByteOrder.nativeOrder());
        engine.read(tensor, bytes);
        bytes.position(0).limit(bytes.capacity());
        double[] values = new double[(int) tensor.elements()];
        if (tensor.dtype() == DType.F64) {
            bytes.asDoubleBuffer().get(values);
        } else {
            for (int i = 0; i < values.length; i++) {
                values[i] = bytes.getFloat(i * Float.BYTES);
            }
        }
        return values;
    }

    double[] gradients() {
        return parameters.gradient() == null ? new double[0] : read(parameters.gradient());
    }

    Norm norm(String name) {
        return new Norm(parameters.get(name), config.normEpsilon());
    }

    DecoderModel model(Recompute recompute) {
        return new DecoderModel(config, new DecoderModel.Options(ai.sparktron.trainer.model.ModelPart.whole(config), ai.sparktron.trainer.seam.Seams.single(), recompute,
                11 * 8 * 2, 16), parameters, engine, frame);
    }
}
