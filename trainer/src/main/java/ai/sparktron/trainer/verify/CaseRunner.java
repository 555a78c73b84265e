package ai.sparktron.trainer.verify;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.convert.GatheredWeights;
import ai.sparktron.trainer.convert.LoadedModel;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.layer.HostTokens;
import ai.sparktron.trainer.layer.Pass;
import ai.sparktron.trainer.layer.SequenceCache;
import ai.sparktron.trainer.model.DenseSpecs;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.optimizer.AdamW;
import ai.sparktron.trainer.optimizer.FlatRange;
import ai.sparktron.trainer.optimizer.GradientScale;
import ai.sparktron.trainer.parallel.ModelGroup;
import ai.sparktron.trainer.parallel.ParallelPlan;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs a loaded model on the inputs of a reference case. */
final class CaseRunner {

    private static final double CLIP = 1.0;
    private static final AdamW.Settings ADAM = new AdamW.Settings(0.9f, 0.95f, 1e-8f, 0.1f);

    private final LoadedModel loaded;
    private final Engine engine;
    private final Kernels kernels;
    private final Communicator group;
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
        this.group = plan.gradientGroup();
        this.replica = plan.modelGroup();
        this.engine = loaded.engine();
        this.kernels = engine.kernels();
        this.microBatchRows = microBatchRows;
        this.lossSum = loaded.frame().tensor("loss", DType.F32, 1);
        this.scalar = loaded.frame().tensor("scalar", DType.F32, 1);
    }

    /** [N * S * V]. */
    float[] logits(ReferenceCase.Rows rows) {
        int tokens = rows.ids().length * rows.ids()[0].length;
        return logits(rows.microBatch(0, rows.ids().length), null, 0, tokens);
    }

    private float[] logits(HostTokens tokens, SequenceCache cache, int from, int count) {
        DType dtype = loaded.parameters().value().dtype();
        try (Arena.Frame frame = loaded.scratch().open("logits");
                Pass pass = loaded.model().begin(tokens, cache, loaded.microBatch(), loaded.scratch())) {
            Tensor logits = frame.tensor("logits", dtype, count, loaded.config().vocabularySize() / replica.ranks().size());
            loaded.model().logits(pass, from, count, logits);
            return allColumns(floats(logits), count);
        }
    }

    /** [count, V] of every rank's columns [count, V']. */
    private float[] allColumns(float[] own, int count) {
        if (replica.ranks().size() == 1) {
            return own;
        }
        ByteBuffer bytes = ByteBuffer.allocate(own.length * Float.BYTES);
        bytes.asFloatBuffer().put(own);
        List<byte[]> parts = replica.ranks().allGather(bytes.array());
        int columns = own.length / count;
        float[] all = new float[own.length * parts.size()];
        for (int part = 0; part < parts.size(); part++) {
            FloatBuffer values = ByteBuffer.wrap(parts.get(part)).asFloatBuffer();
            for (int row = 0; row < count; row++) {
                values.get(all, (row * parts.size() + part) * columns, columns);
            }
        }
        return all;
    }

    /** Forward and backward of all rows by all ranks; the summed gradients are left in the parameters. @return the mean loss */
    float lossAndGradients(ReferenceCase.Rows rows) {
        kernels.fill(lossSum, 0);
        kernels.fill(loaded.parameters().gradient(), 0);
        int all = rows.ids().length;
        int together = microBatchRows == 0 ? (all + group.size() - 1) / group.size() : microBatchRows;
        float scale = 1f / rows.trained();
        for (int from = group.rank() * together; from < all; from += group.size() * together) {
            HostTokens tokens = rows.microBatch(from, Math.min(together, all - from));
            try (Pass pass = loaded.model().begin(tokens, scale, Pass.Mode.TRAIN, loaded.microBatch(), loaded.scratch(), lossSum)) {
                loaded.model().forward(pass);
                loaded.model().backward(pass);
            }
        }
        replica.completeGradients(loaded.parameters());
        if (group.size() > 1) {
            group.allReduce(loaded.parameters().gradient(), Reduction.SUM);
            group.allReduce(lossSum, Reduction.SUM);
        }
        return floats(lossSum)[0];
    }

    /** Gradients by Hugging Face names. */
    Map<String, float[]> gradients() {
        GatheredWeights weights = GatheredWeights.gradients(loaded.parameters(), engine, replica.ranks()::allGather);
        Map<String, float[]> gradients = new LinkedHashMap<>();
        for (ParameterSpec parameter : DenseSpecs.of(loaded.config())) {
            for (TensorSpec tensor : parameter.parts()) {
                if (weights.has(tensor)) {
                    gradients.put("grad." + tensor.name(), weights.read(tensor, 0, Math.toIntExact(tensor.elements())));
                }
            }
        }
        return gradients;
    }

    /** The most probable continuation, with a cache of keys and values. */
    int[] greedy(int[] prompt, int count) {
        int[] generated = new int[count];
        try (Arena.Frame frame = loaded.scratch().open("cache")) {
            SequenceCache cache = new SequenceCache(loaded.config(), loaded.config().kvHeads() / replica.ranks().size(), engine, frame, prompt.length + count, loaded.parameters().value().dtype());
            int[] next = prompt;
            for (int i = 0; i < count; i++) {
                float[] logits = logits(HostTokens.sequence(next, cache.length()), cache, next.length - 1, 1);
                cache.advance(next.length);
                generated[i] = largest(logits);
                next = new int[] {generated[i]};
            }
        }
        return generated;
    }

    /** The same without a cache: for positions whose scaling depends on the length, where a cache keeps keys of earlier scalings. */
    int[] greedyWithoutCache(int[] prompt, int count) {
        int[] sequence = Arrays.copyOf(prompt, prompt.length + count);
        for (int i = prompt.length; i < sequence.length; i++) {
            sequence[i] = largest(logits(HostTokens.sequence(Arrays.copyOf(sequence, i), 0), null, i - 1, 1));
        }
        return Arrays.copyOfRange(sequence, prompt.length, sequence.length);
    }

    private static int largest(float[] values) {
        int best = 0;
        for (int i = 1; i < values.length; i++) {
            if (values[i] > values[best]) {
                best = i;
            }
        }
        return best;
    }

    /** Losses and gradient norms of AdamW steps that change the model: [steps][2]. */
    float[][] train(List<ReferenceCase.Step> steps) {
        Parameters parameters = loaded.parameters();
        float[][] results = new float[steps.size()][];
        try (Arena.Frame frame = loaded.scratch().open("optimizer")) {
            List<FlatRange> ranges = List.of(new FlatRange(0, parameters.decayedElements(), true),
                    new FlatRange(parameters.decayedElements(), parameters.trainedElements(), false));
            AdamW optimizer = new AdamW(kernels, ADAM, parameters.value().rows(0, parameters.trainedElements()), parameters.gradient(), 0, ranges, frame);
            for (int i = 0; i < steps.size(); i++) {
                float loss = lossAndGradients(steps.get(i).rows());
                kernels.fill(scalar, 0);
                replica.shareOfSquares(kernels, parameters, parameters.gradient(), 0, scalar);
                if (replica.ranks().size() > 1) {
                    replica.ranks().allReduce(scalar, Reduction.SUM);
                }
                GradientScale scale = GradientScale.of(floats(scalar)[0], 1, CLIP);
                ByteBuffer factor = ByteBuffer.allocateDirect(Float.BYTES).order(ByteOrder.nativeOrder());
                engine.write(scalar, factor.putFloat(0, scale.factor()));
                optimizer.step((float) steps.get(i).learningRate(), scalar);
                results[i] = new float[] {loss, (float) scale.gradientNorm()};
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
}
