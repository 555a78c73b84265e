package ai.sparktron.trainer.verify;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.convert.AdapterExporter;
import ai.sparktron.trainer.convert.GatheredWeights;
import ai.sparktron.trainer.convert.HuggingFaceImporter;
import ai.sparktron.trainer.convert.LoadedModel;
import ai.sparktron.trainer.convert.MergedWeights;
import ai.sparktron.trainer.generate.Generator;
import ai.sparktron.trainer.generate.Sampling;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.layer.DecoderModel;
import ai.sparktron.trainer.layer.HostTokens;
import ai.sparktron.trainer.layer.Pass;
import ai.sparktron.trainer.layer.SequenceCache;
import ai.sparktron.trainer.mesh.Axis;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.optimizer.AdamW;
import ai.sparktron.trainer.optimizer.FlatRange;
import ai.sparktron.trainer.optimizer.OwnRange;
import ai.sparktron.trainer.optimizer.StateTypes;
import ai.sparktron.trainer.parallel.ModelGroup;
import ai.sparktron.trainer.parallel.ParallelPlan;
import ai.sparktron.trainer.parallel.StageLinks;
import ai.sparktron.trainer.seam.TokenDeal;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.Tensor;
import ai.sparktron.trainer.train.PassMemory;
import ai.sparktron.trainer.train.StageRunner;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;

/** Runs a loaded model on the inputs of a reference case. */
final class CaseRunner implements AutoCloseable {

    private static final long ARENA_CHUNK_BYTES = 1L << 20;
    private static final double CLIP = 1.0;
    private static final AdamW.Settings ADAM = new AdamW.Settings(0.9f, 0.95f, 1e-8f, 0.1f);

    private final LoadedModel loaded;
    private final Engine engine;
    private final Kernels kernels;
    private final ParallelPlan plan;
    private final Communicator tokenGroup;
    private final StagedForward forward;
    private final PassMemory passes;
    private final StageRunner stage;
    private final int dataRank;
    private final int dataRanks;
    private final Communicator context;
    private final TokenDeal deal;
    private final int tokenMultiple;
    private final ModelGroup replica;
    private final int microBatchRows;
    private final Tensor lossSum;
    private final Tensor scalar;

    /**
     * @param plan           ranks that micro-batches are dealt to and that add up their gradients, and those that share a model
     * @param microBatchRows rows of a micro-batch; 0 = all, in equal shares
     */
    CaseRunner(LoadedModel loaded, ParallelPlan plan, int microBatchRows) {
        this.loaded = loaded;
        this.plan = plan;
        this.dataRank = plan.coordinate(Axis.DATA);
        this.dataRanks = plan.mesh().data();
        this.context = plan.along(Axis.CONTEXT);
        this.deal = plan.seams().tokens();
        this.tokenMultiple = plan.tokenMultiple();
        this.replica = plan.modelGroup(loaded.config());
        this.tokenGroup = plan.tokenGroup();
        this.engine = loaded.engine();
        this.kernels = engine.kernels();
        StageLinks links = plan.links(loaded.config());
        this.forward = new StagedForward(loaded.models(), links);
        this.passes = PassMemory.growing(engine.memory(), ARENA_CHUNK_BYTES, loaded.scratch());
        this.stage = new StageRunner(loaded.models(), links, passes, Runnable::run);
        this.microBatchRows = microBatchRows;
        this.lossSum = loaded.frame().tensor("loss", DType.F32, 1 + loaded.config().prediction().layers());
        this.scalar = loaded.frame().tensor("scalar", DType.F32, 1);
    }

    /** [N * S * V]. */
    float[] logits(ReferenceCase.Rows rows) {
        return logits(rows.microBatch(0, rows.ids().length));
    }

    /** Logits [T, V] of whole sequences: ranks that share the tokens compute those of their own. */
    private float[] logits(HostTokens tokens) {
        HostTokens padded = tokens.padded(tokenMultiple);
        int own = padded.tokens() / deal.ranks();
        float[] logits = logits(model -> model.begin(padded, 1, Pass.Mode.EVALUATE, loaded.microBatch(), loaded.scratch(), null), 0, own);
        int columns = logits.length / own;
        List<byte[]> parts = context.allGather(bytes(logits));
        float[] all = new float[padded.tokens() * columns];
        for (int rank = 0; rank < parts.size(); rank++) {
            FloatBuffer values = ByteBuffer.wrap(parts.get(rank)).asFloatBuffer();
            for (int token : deal.held(rank, padded.tokens())) {
                values.get(all, token * columns, columns);
            }
        }
        return Arrays.copyOf(all, tokens.tokens() * columns);
    }

    /** Of tokens that follow those of a cache, the last one's [V]. */
    private float[] lastLogits(HostTokens tokens, SequenceCache cache) {
        return logits(model -> model.begin(tokens, cache, loaded.microBatch(), loaded.scratch()), tokens.tokens() - 1, 1);
    }

    private float[] logits(Function<DecoderModel, Pass> begin, int from, int count) {
        float[] own = forward.run(begin, (model, pass) -> {
            try (Arena.Frame frame = loaded.scratch().open("logits")) {
                Tensor logits = frame.tensor("logits", loaded.parameters().value().dtype(), count, loaded.config().vocabularySize() / replica.stage().size());
                model.logits(pass, from, count, logits);
                return floats(logits);
            }
        });
        return allColumns(own, count);
    }

    /** [count, V] on all ranks of the replica, of the last stage's columns [count, V']. */
    private float[] allColumns(float[] ownOrNull, int count) {
        List<byte[]> parts = replica.ranks().allGather(ownOrNull == null ? new byte[0] : bytes(ownOrNull)).stream().filter(part -> part.length > 0).toList();
        int columns = parts.get(0).length / Float.BYTES / count;
        float[] all = new float[count * columns * parts.size()];
        for (int part = 0; part < parts.size(); part++) {
            FloatBuffer values = ByteBuffer.wrap(parts.get(part)).asFloatBuffer();
            for (int row = 0; row < count; row++) {
                values.get(all, (row * parts.size() + part) * columns, columns);
            }
        }
        return all;
    }

    private static byte[] bytes(float[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES);
        bytes.asFloatBuffer().put(values);
        return bytes.array();
    }

    /** Forward and backward of all rows by all ranks; the summed gradients are left in the parameters. @return the mean loss */
    float lossAndGradients(ReferenceCase.Rows rows) {
        kernels.fill(lossSum, 0);
        int all = rows.ids().length;
        int together = microBatchRows == 0 ? (all + dataRanks - 1) / dataRanks : microBatchRows;
        float scale = 1f / rows.trained();
        List<StageRunner.Work> work = new ArrayList<>();
        for (int round = 0; round < all; round += dataRanks * together) {
            int from = round + dataRank * together;
            if (from < all) {
                work.add(new StageRunner.Work(rows.microBatch(from, Math.min(together, all - from)).padded(tokenMultiple), scale));
            } else if (plan.meetsInEveryPass()) {
                work.add(new StageRunner.Work(rows.microBatch(0, 1).untrained().padded(tokenMultiple), scale));
            }
        }
        gradientsOf(work, 1);
        if (tokenGroup.size() > 1) {
            tokenGroup.allReduce(lossSum, Reduction.SUM);
        }
        return floats(lossSum)[0];
    }

    /**
     * Forward and backward of this rank's work; the gradients, summed over all ranks, are left in the parameters.
     *
     * @param factor that they are multiplied by
     */
    void gradientsOf(List<StageRunner.Work> work, float factor) {
        Tensor gradient = loaded.parameters().gradient(); // null on a stage of which nothing is trained
        if (gradient != null) {
            kernels.fill(gradient, 0);
        }
        stage.train(work, lossSum);
        replica.completeGradients(loaded.parameters());
        if (plan.expertsApart(loaded.config())) {
            ModelGroup experts = plan.expertModelGroup();
            loaded.parameters().all().stream().filter(parameter -> parameter.spec().ofExperts()).forEach(experts::completeGradient);
        }
        loaded.parameters().all().stream().filter(Parameter::isTrained).forEach(this::sum);
        replica.copied(loaded.parameters()).ifPresent(table -> replica.addCopies(table.gradient()));
        if (factor != 1 && gradient != null) {
            kernels.scale(gradient, factor);
        }
    }

    private void sum(Parameter parameter) {
        Communicator group = parameter.spec().ofExperts() ? plan.expertGradientGroup() : plan.gradientGroup();
        if (group.size() > 1) {
            group.allReduce(parameter.gradient(), Reduction.SUM);
        }
    }

    private GatheredWeights gathered(Quantity quantity) {
        ParallelPlan.Holders holders = plan.holders(loaded.config());
        return quantity.of(loaded.parameters(), engine, holders.ranks()::allGather, holders.answers());
    }

    private interface Quantity {
        GatheredWeights of(Parameters parameters, Engine engine, GatheredWeights.Exchange exchange, Predicate<Parameter> answerers);
    }

    /** Gradients by the names of the files: of the model's, or of the adapter's where there is one. */
    Map<String, float[]> gradients() throws IOException {
        GatheredWeights weights = gathered(GatheredWeights::gradients);
        Map<String, float[]> byName = new LinkedHashMap<>();
        List<ParameterSpec> model = DecoderSpecs.of(loaded.config());
        if (loaded.tuning().peft().isPresent()) {
            new AdapterExporter(model, loaded.tuning(), "", DType.F32).floats(weights).forEach((name, values) -> byName.put("grad." + name, values));
            return byName;
        }
        for (ParameterSpec parameter : model) {
            for (TensorSpec tensor : parameter.parts()) {
                if (loaded.tuning().trained().contains(parameter.name())) {
                    byName.put("grad." + tensor.name(), weights.read(tensor, 0, Math.toIntExact(tensor.elements())));
                }
            }
        }
        return byName;
    }

    /** The model's tensors by their names, with the additions in them. */
    Map<String, float[]> merged() throws IOException {
        GatheredWeights weights = gathered(GatheredWeights::values);
        MergedWeights merged = new MergedWeights(weights, weights, loaded.tuning().adapters());
        Map<String, float[]> tensors = new LinkedHashMap<>();
        for (ParameterSpec parameter : DecoderSpecs.of(loaded.config())) {
            for (TensorSpec tensor : parameter.parts()) {
                tensors.put(tensor.name(), merged.read(tensor, 0, Math.toIntExact(tensor.elements())));
            }
        }
        return tensors;
    }

    /** The most probable continuation, with a cache of keys and values: where this rank is alone, as {@code infer} makes it. */
    int[] greedy(int[] prompt, int count) {
        if (plan.mesh().ranks() == 1) {
            try (Generator generator = new Generator(loaded, prompt.length + count)) {
                return generator.generate(prompt, Sampling.greedy(count), Set.of(), id -> { }).ids();
            }
        }
        int[] generated = new int[count];
        try (Arena.Frame frame = loaded.scratch().open("cache")) {
            SequenceCache cache = new SequenceCache(loaded.config(), loaded.config().kvHeads() / replica.stage().size(), engine, frame,
                    prompt.length + count, loaded.parameters().value().dtype());
            int[] next = prompt;
            for (int i = 0; i < count; i++) {
                float[] logits = lastLogits(HostTokens.sequence(next, cache.length()), cache);
                cache.advance(next.length);
                generated[i] = largest(logits, 0);
                next = new int[] {generated[i]};
            }
        }
        return generated;
    }

    /** The same without a cache: for positions whose scaling depends on the length, where a cache keeps keys of earlier scalings, and where ranks share tokens
     * outside of regions, who cannot share one. */
    int[] greedyWithoutCache(int[] prompt, int count) {
        int[] sequence = Arrays.copyOf(prompt, prompt.length + count);
        int columns = loaded.config().vocabularySize();
        for (int i = prompt.length; i < sequence.length; i++) {
            sequence[i] = largest(logits(HostTokens.sequence(Arrays.copyOf(sequence, i), 0)), (i - 1) * columns);
        }
        return Arrays.copyOfRange(sequence, prompt.length, sequence.length);
    }

    /** Place of the largest value from {@code from} to the end. */
    private static int largest(float[] values, int from) {
        int best = from;
        for (int i = from + 1; i < values.length; i++) {
            if (values[i] > values[best]) {
                best = i;
            }
        }
        return best - from;
    }

    /**
     * Losses and gradient norms of AdamW steps that change the model: [steps][2].
     *
     * @param directory of the model: main weights begin as the files have them, not as the values are rounded
     */
    float[][] train(List<ReferenceCase.Step> steps, Path directory) throws IOException {
        Parameters parameters = loaded.parameters();
        float[][] results = new float[steps.size()][];
        try (Arena.Frame frame = loaded.scratch().open("optimizer")) {
            List<FlatRange> ranges = List.of(new FlatRange(0, parameters.decayedElements(), true),
                    new FlatRange(parameters.decayedElements(), parameters.trainedElements(), false));
            StateTypes types = StateTypes.of(parameters.value().dtype());
            OwnRange own = OwnRange.allocate(types, parameters.value().rows(0, parameters.trainedElements()), parameters.gradient(), 0, frame);
            own.adoptValues(engine);
            if (own.main() != null && loaded.tuning().peft().isEmpty()) {
                new HuggingFaceImporter(loaded.config(), engine).load(directory, parameters, own.weights(engine));
            }
            AdamW optimizer = new AdamW(engine, ADAM, own, types, null, ranges, frame);
            Tensor factor = frame.tensor("gradient factor", DType.F32, 1);
            Tensor norm = frame.tensor("gradient norm", DType.F32, 1);
            for (int i = 0; i < steps.size(); i++) {
                float loss = lossAndGradients(steps.get(i).rows());
                kernels.fill(scalar, 0);
                Predicate<Parameter> answers = plan.holders(loaded.config()).answers();
                parameters.all().stream().filter(Parameter::isTrained).filter(answers)
                        .forEach(parameter -> kernels.sumOfSquares(parameter.gradient(), scalar, Write.ACCUMULATE));
                Communicator holders = plan.holders(loaded.config()).ranks();
                if (holders.size() > 1) {
                    holders.allReduce(scalar, Reduction.SUM);
                }
                kernels.gradientFactor(scalar, 1, CLIP, factor, norm);
                optimizer.step((float) steps.get(i).learningRate(), factor);
                results[i] = new float[] {loss, floats(norm)[0]};
            }
        }
        return results;
    }

    private float[] floats(Tensor tensor) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(Math.toIntExact(tensor.sizeBytes())).order(ByteOrder.nativeOrder());
        engine.read(tensor, bytes);
        bytes.position(0).limit(bytes.capacity());
        float[] values = new float[Math.toIntExact(tensor.elements())];
        HalfPrecision.decode(tensor.dtype(), bytes, values, 0, values.length);
        return values;
    }

    @Override
    public void close() {
        passes.close();
    }
}
