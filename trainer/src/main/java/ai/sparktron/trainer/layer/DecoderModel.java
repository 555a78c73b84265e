package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.model.Adapters;
import ai.sparktron.trainer.model.DecoderSpecs;
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
 * The layers of a decoder that a rank holds: all of them, or a pipeline stage. One thread, the engine's.
 *
 * <pre>{@code
 * try (Pass pass = model.begin(tokens, lossScale, Pass.Mode.TRAIN, microBatchArena, scratchArena, lossSum)) {
 *     model.forward(pass);
 *     model.backward(pass);
 * }
 * }</pre>
 */
public final class DecoderModel {

    private final ModelConfig config;
    private final Options options;
    private final Engine engine;
    private final DType dtype;
    private final Rope rope;
    private final Embedding embedding;
    private final StreamLayer blocks;
    private final Head head;
    private final FurtherPredictions predictions;
    private final ParameterUse use;
    private final List<Parameter> embeddingParameters;
    private final List<Parameter> headParameters;
    private final List<Parameter> predictionParameters;

    /**
     * How a model is built.
     *
     * @param part       layers held
     * @param seams      strategies
     * @param recompute  what is not saved
     * @param chunkBytes largest size of the logits that exist at a time
     * @param maxLength  longest document expected, in tokens; sizes the rope table
     * @param adapters   low-rank additions, whose parameters are among the model's
     * @param balancing  of experts
     * @param counts     takes what routers count in training; null = nothing is counted, nor added to the loss
     * @param fp8        how linears multiply in eight bits; null = in the values' type
     */
    public record Options(ModelPart part, Seams seams, Recompute recompute, long chunkBytes, int maxLength, Adapters adapters, Balancing balancing,
                          RouterCounts counts, Fp8 fp8) {
        /** Chunks of logits of 256 MiB keep their products large and their memory small. */
        public static final long DEFAULT_CHUNK_BYTES = 256L << 20;

        /** Without additions. */
        public Options(ModelPart part, Seams seams, Recompute recompute, long chunkBytes, int maxLength) {
            this(part, seams, recompute, chunkBytes, maxLength, Adapters.none());
        }

        /** Without balancing of experts. */
        public Options(ModelPart part, Seams seams, Recompute recompute, long chunkBytes, int maxLength, Adapters adapters) {
            this(part, seams, recompute, chunkBytes, maxLength, adapters, Balancing.none(), null, null);
        }

        /** A whole model on one device. */
        public static Options single(ModelConfig config, int maxLength) {
            return new Options(ModelPart.whole(config), Seams.single(), Recompute.none(), DEFAULT_CHUNK_BYTES, maxLength);
        }
    }

    /**
     * @param parameters at least those that {@link DecoderSpecs} lists for the part
     * @param run        gives the rope table; must outlive this model
     */
    public DecoderModel(ModelConfig config, Options options, Parameters parameters, Engine engine, Arena.Frame run) {
        this(config, options, parameters, engine, run, ParameterUse.NONE);
    }

    /** @param use hears when layers use their parameters */
    public DecoderModel(ModelConfig config, Options options, Parameters parameters, Engine engine, Arena.Frame run, ParameterUse use) {
        this.use = use;
        this.config = config;
        this.options = options;
        this.engine = engine;
        this.dtype = parameters.value().dtype();
        config.requireLength(options.maxLength());
        this.rope = new Rope(config, engine, run, options.maxLength());
        ModelPart part = options.part();
        Seams seams = options.seams();
        boolean predicts = part.hasHead() && config.prediction().layers() > 0;
        Embedding table = part.hasEmbedding() || predicts ? new Embedding(parameters.get(DecoderSpecs.EMBEDDING), seams.region(),
                EmbeddingAddition.of(parameters, options.adapters())) : null;
        this.embedding = part.hasEmbedding() ? table : null;
        BlockFactory factory = new BlockFactory(config, options, parameters);
        this.blocks = factory.blocks(use);
        this.head = part.hasHead() ? head(parameters, DecoderSpecs.FINAL_NORM) : null;
        this.predictions = new FurtherPredictions(predicts ? predictions(parameters, factory, table) : List.of());
        this.predictionParameters = predicts ? predictionParameters(parameters) : List.of();
        this.embeddingParameters = embedding == null ? List.of() : beginning(parameters, DecoderSpecs.EMBEDDING_MODULE);
        this.headParameters = head == null ? List.of() : headParameters(parameters);
    }

    private List<FurtherPrediction> predictions(Parameters parameters, BlockFactory factory, Embedding table) {
        List<FurtherPrediction> layers = new ArrayList<>();
        String below = DecoderSpecs.FINAL_NORM;
        for (int i = 0; i < config.prediction().layers(); i++) {
            String prefix = DecoderSpecs.prediction(i);
            Parameter projection = parameters.get(prefix + "eh_proj.weight");
            layers.add(new FurtherPrediction(prefix + "prediction", i, new FurtherPrediction.Parts(table, norm(parameters, prefix + "enorm.weight"),
                    norm(parameters, below), norm(parameters, prefix + "hnorm.weight"),
                    LoraLinear.over(new DenseLinear(projection, null), projection, parameters, options.adapters()), factory.prediction(i),
                    head(parameters, prefix + "final_layernorm.weight"))));
            below = prefix + "final_layernorm.weight";
        }
        return layers;
    }

    /** All that is used after the last layer: gradients of what others use too are complete when these are. */
    private List<Parameter> predictionParameters(Parameters parameters) {
        List<Parameter> used = new ArrayList<>(beginning(parameters, DecoderSpecs.EMBEDDING_MODULE));
        headParameters(parameters).stream().filter(parameter -> !used.contains(parameter)).forEach(used::add);
        used.addAll(beginning(parameters, DecoderSpecs.PREDICTION_MODULE));
        return List.copyOf(used);
    }

    private Norm norm(Parameters parameters, String name) {
        return new Norm(parameters.get(name), config.normEpsilon());
    }

    private Head head(Parameters parameters, String normName) {
        Parameter weight = parameters.get(config.tiedEmbeddings() ? DecoderSpecs.EMBEDDING : DecoderSpecs.HEAD);
        // An addition to a table that embeds tokens is to the embedding alone.
        Linear product = LoraLinear.over(new DenseLinear(weight, null), weight, parameters, config.tiedEmbeddings() ? Adapters.none() : options.adapters());
        return new Head(norm(parameters, normName), weight, product, options.seams().region(),
                options.seams().vocabulary(), options.chunkBytes(), config.scores());
    }

    private List<Parameter> headParameters(Parameters parameters) {
        List<Parameter> used = new ArrayList<>(List.of(parameters.get(DecoderSpecs.FINAL_NORM)));
        used.addAll(config.tiedEmbeddings() ? List.of(parameters.get(DecoderSpecs.EMBEDDING)) : beginning(parameters, DecoderSpecs.HEAD_MODULE));
        return List.copyOf(used);
    }

    private static List<Parameter> beginning(Parameters parameters, String prefix) {
        return parameters.all().stream().filter(parameter -> parameter.spec().name().startsWith(prefix)).toList();
    }

    public ModelConfig config() {
        return config;
    }

    /**
     * Starts a micro-batch.
     *
     * @param tokens     the whole micro-batch, of which this rank takes its part; labels may be null where only logits are wanted
     * @param lossScale  factor on each token's weighted loss and gradient: 1, or 1 / trained tokens of the global batch
     * @param arenas     the first of them empty
     * @param lossSum    float32 [1 + n] that the scaled losses are added to, behind the first those of the n layers that predict further tokens; null on stages without a head and where only logits are wanted
     */
    public Pass begin(HostTokens tokens, float lossScale, Pass.Mode mode, PassArenas arenas, Tensor lossSum) {
        if (lossSum != null && lossSum.elements() != 1 + config.prediction().layers()) {
            throw new IllegalStateException(lossSum + ": expected one sum for the loss and one for each of the " + config.prediction().layers()
                    + " layers that predict further tokens");
        }
        return begin(tokens, lossScale, mode, arenas, new LossRequest(lossSum, null), null);
    }

    /** Starts a micro-batch that is alone in flight. */
    public Pass begin(HostTokens tokens, float lossScale, Pass.Mode mode, Arena microBatch, Arena scratch, Tensor lossSum) {
        return begin(tokens, lossScale, mode, PassArenas.alone(microBatch, scratch), lossSum);
    }

    /** Starts a micro-batch whose loss is that of an objective. */
    public Pass begin(HostTokens tokens, SequenceObjective objective, Pass.Mode mode, PassArenas arenas) {
        return begin(tokens, 1, mode, arenas, new LossRequest(null, objective), null);
    }

    /** Starts tokens that attend to a cache as well and are added to it. No loss. */
    public Pass begin(HostTokens tokens, AttentionCache cache, Arena microBatch, Arena scratch) {
        return begin(tokens, 1, Pass.Mode.EVALUATE, PassArenas.alone(microBatch, scratch), new LossRequest(null, null), cache);
    }

    /**
     * Starts one further token of each of B sequences, whose ids and positions are on the engine, so that the pass can be replayed ({@link Engine#replay}) as long as
     * {@link #repeats} says so. No loss.
     *
     * @param ids       I32 [B], entries of the vocabulary
     * @param positions I32 [B], each below {@code reach}
     * @param reach     tokens of the longest of the sequences, the new one included
     */
    public Pass begin(Tensor ids, Tensor positions, int reach, AttentionCache cache, Arena microBatch, Arena scratch) {
        Arena.Frame frame = microBatch.open("step");
        try {
            TokenBatch batch = TokenBatch.step(ids, positions, reach);
            return new Pass(engine, PassArenas.alone(microBatch, scratch), frame, Saved.discarding(scratch), batch, rope.tableFor(reach, frame), cache, new LossRequest(null, null),
                    borders(Pass.Mode.EVALUATE, batch, frame), Pass.Mode.EVALUATE);
        } catch (RuntimeException | Error e) {
            frame.close();
            throw e;
        }
    }

    /** Whether sequences of up to so many tokens are all turned by the same table of positions. */
    public boolean repeats(int reach) {
        return rope.isShared(reach);
    }

    private Pass begin(HostTokens tokens, float lossScale, Pass.Mode mode, PassArenas arenas, LossRequest loss, AttentionCache cache) {
        checkIds(tokens);
        Arena.Frame frame = arenas.saved().open("micro-batch");
        try {
            // Names are for what is left out at random.
            HostTokens used = mode == Pass.Mode.TRAIN && options.adapters().dropout() > 0 ? tokens : tokens.named(null);
            // A cache holds all keys, so nothing is dealt beside one.
            TokenBatch uploaded = TokenBatch.upload(used, cache == null ? options.seams().tokens() : TokenDeal.whole(), lossScale, engine, frame);
            TokenBatch batch = loss.objective() == null ? uploaded : uploaded.weighted(loss.objective().weight());
            boolean train = mode == Pass.Mode.TRAIN;
            return new Pass(engine, arenas, frame, train ? Saved.keeping(arenas.saved()) : Saved.discarding(arenas.scratch()), batch,
                    rope.tableFor(batch.reach(), frame), cache, request(loss, mode, used, batch, lossScale, frame), borders(mode, batch, frame), mode);
        } catch (RuntimeException | Error e) {
            frame.close();
            throw e;
        }
    }

    /** Where layers that predict further tokens are trained, what each is to learn: the mean of its losses counts as much as the micro-batch's tokens. */
    private LossRequest request(LossRequest loss, Pass.Mode mode, HostTokens tokens, TokenBatch batch, float lossScale, Arena.Frame frame) {
        if (loss.sum() == null) {
            return loss;
        }
        List<LossRequest.Further> further = new ArrayList<>();
        for (int k = 1; mode == Pass.Mode.TRAIN && head != null && k <= config.prediction().layers(); k++) {
            int learned = tokens.ahead(k).trainedTokens();
            double factor = learned == 0 ? 0 : config.prediction().ofLayer() * tokens.trainedTokens() / learned;
            further.add(new LossRequest.Further(batch.ahead(k, tokens, options.seams().tokens(), (float) (lossScale * factor), engine, frame), loss.sum().rows(k, 1)));
        }
        return new LossRequest(loss.sum().rows(0, 1), null, further);
    }

    private Pass.Borders borders(Pass.Mode mode, TokenBatch batch, Arena.Frame frame) {
        int tokens = streamTokens(batch);
        Tensor gradient = mode == Pass.Mode.TRAIN && head != null ? frame.tensor("stream.grad", dtype, tokens, config.hiddenSize()) : null;
        Tensor input = frame.tensor(embedding == null ? "received" : "embedded", dtype, tokens, config.hiddenSize());
        Stream output = blocks == null ? null
                : new Stream(frame.tensor("stream", dtype, tokens, config.hiddenSize()), frame.tensor("stream.delta", dtype, tokens, config.hiddenSize()));
        return new Pass.Borders(input, output, gradient);
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

    /** Where a stage without an embedding receives its input [T, D] before {@link #forward}; lives until the pass is closed. */
    public Tensor input(Pass pass) {
        return pass.borders().input();
    }

    /** Memory for the gradient [T, D] that a stage without a head receives before {@link #backward(Pass, Tensor)}. */
    public Tensor gradient(Pass pass, Arena.Frame frame) {
        return frame.tensor("stream.grad", dtype, streamTokens(pass.batch()), config.hiddenSize());
    }

    /**
     * Forward. On the stage with the head, adds the loss. In a training pass, leaves everything for {@link #backward(Pass)}.
     *
     * @return the stream [T, D] to send to the next stage, valid until backward, or until an evaluating pass is closed; null on the stage with the head
     */
    public Tensor forward(Pass pass) {
        Stream out = run(pass);
        if (head == null) {
            if (out.delta() == null) {
                return out.residual();
            }
            pass.kernels().add(out.delta(), out.residual(), out.delta());
            return out.delta();
        }
        use.beforeForward(headParameters);
        if (pass.gradient() != null) {
            use.beforeBackward(headParameters);
        }
        head.loss(out, pass);
        if (pass.furtherPredictions() > 0) {
            use.beforeForward(predictionParameters);
            predictions.forward(out.delta() == null ? out.residual() : out.delta(), pass);
        } else if (pass.gradient() != null) {
            // A table that embeds tokens too gets the rest of its gradient at the end of backward.
            use.afterBackward(headParameters.stream().filter(parameter -> !embeddingParameters.contains(parameter)).toList());
        }
        return null;
    }

    /**
     * Forward up to the logits of some rows, on the stage with the head.
     *
     * @param firstRow first token wanted, of those that this rank holds
     * @param rows     number of tokens wanted
     * @param logits   [rows, V], of the activations' type
     */
    public void logits(Pass pass, int firstRow, int rows, Tensor logits) {
        Stream out = run(pass);
        use.beforeForward(headParameters);
        head.logits(out, firstRow, rows, logits, pass);
    }

    private Stream run(Pass pass) {
        Tensor in = pass.borders().input();
        if (embedding != null) {
            use.beforeForward(embeddingParameters);
            embedding.forward(in, pass);
        }
        if (blocks == null) {
            return new Stream(in, null);
        }
        blocks.forward(new Stream(in, null), pass.borders().output(), pass);
        return pass.borders().output();
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
        if (pass.furtherPredictions() > 0) {
            use.beforeBackward(predictionParameters);
            predictions.backward(own, pass);
            use.afterBackward(predictionParameters.stream().filter(parameter -> !embeddingParameters.contains(parameter)).toList());
        }
        if (blocks != null) {
            blocks.backward(own, pass);
        }
        if (embedding == null) {
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
}
