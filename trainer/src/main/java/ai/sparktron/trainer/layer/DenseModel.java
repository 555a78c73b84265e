package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.model.DenseSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ModelPart;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.seam.Seams;
import ai.sparktron.trainer.seam.TokenDeal;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * The layers of a dense decoder that a rank holds: all of them, or a pipeline stage. One thread, the engine's.
 *
 * <pre>{@code
 * try (Pass pass = model.begin(tokens, lossScale, Pass.Mode.TRAIN, microBatchArena, scratchArena, lossSum)) {
 *     model.forward(pass);
 *     model.backward(pass);
 * }
 * }</pre>
 */
public final class DenseModel {

    private static final String STREAM = "stream";

    private final ModelConfig config;
    private final Options options;
    private final Engine engine;
    private final DType dtype;
    private final Rope rope;
    private final Embedding embedding;
    private final StreamLayer blocks;
    private final Head head;
    private final ParameterUse use;
    private final List<Parameter> embeddingParameters;
    private final List<Parameter> headParameters;

    /**
     * How a model is built.
     *
     * @param part       layers held
     * @param seams      strategies
     * @param recompute  what is not saved
     * @param chunkBytes largest size of the logits that exist at a time
     * @param maxLength  longest document expected, in tokens; sizes the rope table
     */
    public record Options(ModelPart part, Seams seams, Recompute recompute, long chunkBytes, int maxLength) {
        /** Chunks of logits of 256 MiB keep their products large and their memory small. */
        public static final long DEFAULT_CHUNK_BYTES = 256L << 20;

        /** A whole model on one device. */
        public static Options single(ModelConfig config, int maxLength) {
            return new Options(ModelPart.whole(config), Seams.single(), Recompute.none(), DEFAULT_CHUNK_BYTES, maxLength);
        }
    }

    /**
     * @param parameters at least those that {@link DenseSpecs} lists for the part
     * @param run        gives the rope table; must outlive this model
     */
    public DenseModel(ModelConfig config, Options options, Parameters parameters, Engine engine, Arena.Frame run) {
        this(config, options, parameters, engine, run, ParameterUse.NONE);
    }

    /** @param use hears when layers use their parameters */
    public DenseModel(ModelConfig config, Options options, Parameters parameters, Engine engine, Arena.Frame run, ParameterUse use) {
        this.use = use;
        this.config = config;
        this.options = options;
        this.engine = engine;
        this.dtype = parameters.value().dtype();
        config.requireLength(options.maxLength());
        this.rope = new Rope(config, engine, run, options.maxLength());
        ModelPart part = options.part();
        Seams seams = options.seams();
        this.embedding = part.hasEmbedding() ? new Embedding(parameters.get(DenseSpecs.EMBEDDING), seams.region()) : null;
        this.blocks = blocks(parameters);
        this.head = part.hasHead() ? new Head(new Norm(parameters.get(DenseSpecs.FINAL_NORM), config.normEpsilon()),
                parameters.get(config.tiedEmbeddings() ? DenseSpecs.EMBEDDING : DenseSpecs.HEAD), seams.region(), seams.vocabulary(),
                options.chunkBytes()) : null;
        this.embeddingParameters = embedding == null ? List.of() : List.of(parameters.get(DenseSpecs.EMBEDDING));
        this.headParameters = head == null ? List.of() : List.of(parameters.get(DenseSpecs.FINAL_NORM),
                parameters.get(config.tiedEmbeddings() ? DenseSpecs.EMBEDDING : DenseSpecs.HEAD));
    }

    public ModelConfig config() {
        return config;
    }

    /**
     * Starts a micro-batch.
     *
     * @param tokens     the whole micro-batch, of which this rank takes its part; labels may be null where only logits are wanted
     * @param lossScale  factor on each token's weighted loss and gradient: 1, or 1 / trained tokens of the global batch
     * @param microBatch arena of this micro-batch alone, empty
     * @param scratch    arena of calls
     * @param lossSum    float32 [1] that the scaled losses are added to; null on stages without a head and where only logits are wanted
     */
    public Pass begin(HostTokens tokens, float lossScale, Pass.Mode mode, Arena microBatch, Arena scratch, Tensor lossSum) {
        return begin(tokens, lossScale, mode, microBatch, scratch, lossSum, null);
    }

    /** Starts tokens that attend to a cache as well and are added to it. No loss. */
    public Pass begin(HostTokens tokens, AttentionCache cache, Arena microBatch, Arena scratch) {
        return begin(tokens, 1, Pass.Mode.EVALUATE, microBatch, scratch, null, cache);
    }

    private Pass begin(HostTokens tokens, float lossScale, Pass.Mode mode, Arena microBatch, Arena scratch, Tensor lossSum, AttentionCache cache) {
        checkIds(tokens);
        Arena.Frame frame = microBatch.open("micro-batch");
        try {
            // A cache holds all keys, so nothing is dealt beside one.
            HostTokens used = mode == Pass.Mode.TRAIN ? tokens : tokens.named(null);
            TokenBatch batch = TokenBatch.upload(used, cache == null ? options.seams().tokens() : TokenDeal.whole(), lossScale, engine, frame);
            boolean train = mode == Pass.Mode.TRAIN;
            Tensor gradient = train && head != null ? frame.tensor("stream.grad", dtype, streamTokens(batch), config.hiddenSize()) : null;
            return new Pass(engine.kernels(), scratch, frame, train ? Saved.keeping(microBatch) : Saved.discarding(scratch), batch,
                    rope.tableFor(batch.reach(), frame), cache, lossSum, gradient);
        } catch (RuntimeException | Error e) {
            frame.close();
            throw e;
        }
    }

    /** A wrong id would be read outside the table. */
    private void checkIds(HostTokens tokens) {
        for (int t = 0; t < tokens.tokens(); t++) {
            int label = tokens.labels() == null ? 0 : tokens.labels()[t];
            if (tokens.ids()[t] < 0 || tokens.ids()[t] >= config.vocabularySize() || label >= config.vocabularySize()) {
                throw new IllegalArgumentException("token " + t + " has id " + tokens.ids()[t] + (label > 0 ? ", label " + label : "")
                        + ": the model's vocabulary (vocab_size) has " + config.vocabularySize() + " entries; the tokenizer does not belong to this model");
            }
        }
    }

    /** Forward of a model that is whole; adds the loss. In a training pass, leaves everything for {@link #backward(Pass)}. */
    public void forward(Pass pass) {
        forward(pass, null);
    }

    /** Where a stage without an embedding receives its input [T, D] before {@link #forward(Pass, Tensor)}; lives until backward is done. */
    public Tensor input(Pass pass) {
        try (Saved.Slot slot = pass.saved().push(STREAM)) {
            return slot.tensor("received", dtype, streamTokens(pass.batch()), config.hiddenSize());
        }
    }

    /**
     * Forward of a stage.
     *
     * @param received the tensor of {@link #input}, filled; null on the stage with the embedding
     * @return the stream [T, D] to send to the next stage, valid until backward; null on the stage with the head
     */
    public Tensor forward(Pass pass, Tensor received) {
        Saved.Slot slot = pass.saved().push(STREAM);
        try (slot) {
            Stream out = run(pass, received, slot);
            if (head != null) {
                use.beforeForward(headParameters);
                if (pass.gradient() != null) {
                    use.beforeBackward(headParameters);
                }
                head.loss(out, pass);
                if (pass.gradient() != null) {
                    // A table that embeds tokens too gets the rest of its gradient at the end of backward.
                    use.afterBackward(headParameters.stream().filter(parameter -> !embeddingParameters.contains(parameter)).toList());
                }
                return null;
            }
            if (!pass.saved().isKeeping()) {
                throw new IllegalStateException("a stage without a head evaluates in Mode.TRAIN: its output must outlive the call");
            }
            pass.kernels().add(out.delta(), out.residual(), out.delta());
            return out.delta();
        }
    }

    /**
     * Forward of a model that is whole, up to the logits of some rows.
     *
     * @param firstRow first token wanted, of those that this rank holds
     * @param rows     number of tokens wanted
     * @param logits   [rows, V], of the activations' type
     */
    public void logits(Pass pass, int firstRow, int rows, Tensor logits) {
        try (Saved.Slot slot = pass.saved().push(STREAM)) {
            use.beforeForward(headParameters);
            head.logits(run(pass, null, slot), firstRow, rows, logits, pass);
        }
    }

    private Stream run(Pass pass, Tensor received, Saved.Slot slot) {
        int tokens = streamTokens(pass.batch());
        Tensor in = received;
        if (embedding != null) {
            use.beforeForward(embeddingParameters);
            in = slot.tensor("embedded", dtype, tokens, config.hiddenSize());
            embedding.forward(in, pass);
        }
        if (blocks == null) {
            return new Stream(in, null);
        }
        Stream out = new Stream(slot.tensor(STREAM, dtype, tokens, config.hiddenSize()), slot.tensor("stream.delta", dtype, tokens, config.hiddenSize()));
        blocks.forward(new Stream(in, null), out, pass);
        return out;
    }

    /** Backward of a model that is whole. */
    public void backward(Pass pass) {
        backward(pass, pass.gradient());
    }

    /**
     * Backward of a stage, in place.
     *
     * @param gradient [T, D] of the stream behind this stage: received from the next one, or the pass's own on the stage with the head
     * @return the gradient to send to the stage before, in the same tensor; null on the stage with the embedding
     */
    public Tensor backward(Pass pass, Tensor gradient) {
        Tensor own = head != null ? pass.gradient() : gradient;
        if (own == null) {
            throw new IllegalStateException("backward of a pass that was not begun in Mode.TRAIN");
        }
        if (blocks != null) {
            blocks.backward(own, pass);
        }
        pass.saved().pop(STREAM).close();
        if (embedding == null) {
            pass.saved().pop(STREAM).close();
            return own;
        }
        use.beforeBackward(embeddingParameters);
        embedding.backward(own, pass);
        use.afterBackward(embeddingParameters);
        return null;
    }

    private int streamTokens(TokenBatch batch) {
        return options.seams().region().tokensOutside(batch.layout().tokens());
    }

    private StreamLayer blocks(Parameters parameters) {
        List<StreamLayer> layers = new ArrayList<>();
        for (int i = 0; i < options.part().layers(); i++) {
            int index = options.part().firstLayer() + i;
            String prefix = DenseSpecs.layer(index);
            List<Parameter> own = parameters.all().stream().filter(parameter -> parameter.spec().name().startsWith(prefix)).toList();
            layers.add(use == ParameterUse.NONE ? block(parameters, index) : new Announced(block(parameters, index), own, use));
        }
        if (layers.isEmpty()) {
            return null;
        }
        Recompute recompute = options.recompute();
        if (recompute.granularity() != Recompute.Granularity.FULL) {
            return new Chain("blocks", layers);
        }
        List<StreamLayer> wrapped = new ArrayList<>();
        boolean uniform = recompute.method() == Recompute.Method.UNIFORM;
        int together = uniform ? recompute.layers() : 1;
        for (int i = 0; i < layers.size(); i += together) {
            Chain chain = new Chain("layers." + i, layers.subList(i, Math.min(layers.size(), i + together)));
            wrapped.add(uniform || i < recompute.layers() ? new Recomputed("recomputed." + i, chain) : layers.get(i));
        }
        return new Chain("blocks", wrapped);
    }

    private StreamLayer block(Parameters parameters, int index) {
        String prefix = DenseSpecs.layer(index);
        float epsilon = config.normEpsilon();
        Branch feedForward = feedForward(parameters, prefix + "mlp");
        if (options.recompute().has(Recompute.Module.MLP)) {
            feedForward = new RecomputedBranch(prefix + "mlp.again", feedForward);
        }
        return new Block(prefix + "block", new Norm(parameters.get(prefix + "self_attention.linear_qkv.layer_norm_weight"), epsilon),
                attention(parameters, prefix + "self_attention", index),
                new Norm(parameters.get(prefix + "mlp.linear_fc1.layer_norm_weight"), epsilon), feedForward);
    }

    private Branch attention(Parameters parameters, String name, int index) {
        Parameter weight = parameters.get(name + ".linear_qkv.weight");
        int headSize = config.headSize();
        AttentionShape shape = new AttentionShape((int) (weight.slices().get(0).rows() / headSize), (int) (weight.slices().get(1).rows() / headSize), headSize,
                headSize, (float) (1 / Math.sqrt(headSize)));
        SelfAttention.Settings settings = new SelfAttention.Settings(name, index, shape, options.recompute().has(Recompute.Module.CORE_ATTN));
        boolean normed = config.family().queryKeyNorm();
        return new SelfAttention(settings, new DenseLinear(weight, orNull(parameters, name + ".linear_qkv.bias")),
                normed ? new Norm(parameters.get(name + ".q_layernorm.weight"), config.normEpsilon()) : null,
                normed ? new Norm(parameters.get(name + ".k_layernorm.weight"), config.normEpsilon()) : null,
                new DenseLinear(parameters.get(name + ".linear_proj.weight"), null), orNull(parameters, name + ".linear_proj.bias"),
                options.seams().attention(), options.seams().region());
    }

    private Branch feedForward(Parameters parameters, String name) {
        return new FeedForward(name, new DenseLinear(parameters.get(name + ".linear_fc1.weight"), orNull(parameters, name + ".linear_fc1.bias")),
                new DenseLinear(parameters.get(name + ".linear_fc2.weight"), null), orNull(parameters, name + ".linear_fc2.bias"), options.seams().region());
    }

    private static Parameter orNull(Parameters parameters, String name) {
        return parameters.has(name) ? parameters.get(name) : null;
    }
}
