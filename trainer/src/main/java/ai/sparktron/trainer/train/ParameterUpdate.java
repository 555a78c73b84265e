package ai.sparktron.trainer.train;

import ai.sparktron.trainer.checkpoint.StatePiece;
import ai.sparktron.trainer.comm.BackgroundCollectives;
import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.config.OptimizerOptions;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.layer.ParameterUse;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.optimizer.AdamW;
import ai.sparktron.trainer.optimizer.FlatRange;
import ai.sparktron.trainer.optimizer.GradientScale;
import ai.sparktron.trainer.optimizer.Optimizer;
import ai.sparktron.trainer.optimizer.Sgd;
import ai.sparktron.trainer.parallel.FlatBuckets;
import ai.sparktron.trainer.parallel.ModelGroup;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * From accumulated gradients to updated parameters, over the data-parallel ranks: reduce, norm, clip, step.
 *
 * <p>With the distributed optimizer (ZeRO stage 1, arXiv 1910.02054; Megatron {@code use_distributed_optimizer}) every rank reduces and updates one equal range of
 * each bucket of the flat buffers, keeps optimizer state for these ranges alone, and the updated values are gathered. Without it every rank does all of it. The
 * numbers are the same: both sum in rank order. Reduction and gathering may run beside backward and forward ({@link Overlap}).
 */
public final class ParameterUpdate implements ModelUpdate {

    /** Whether optimizer state is shared out over the data-parallel ranks. */
    public enum Sharding { REPLICATED, DISTRIBUTED }

    /** What communication runs beside layers. */
    public enum Overlap {
        /** None. */
        NOTHING,
        /** Gradients are reduced while backward goes on ({@code overlap_grad_reduce}). */
        REDUCTION,
        /** And values are gathered while forward goes on ({@code overlap_param_gather}). */
        REDUCTION_AND_GATHER;

        boolean reduces() {
            return this != NOTHING;
        }

        boolean gathers() {
            return this == REDUCTION_AND_GATHER;
        }
    }

    /**
     * How data-parallel ranks share the update.
     *
     * @param sharding       who holds optimizer state
     * @param overlap        what is not waited for
     * @param bucketElements elements of a bucket ({@code ddp_bucket_size})
     */
    public record Traffic(Sharding sharding, Overlap overlap, long bucketElements) {
    }

    private final Engine engine;
    private final Parameters parameters;
    private final Communicator data;
    private final ModelGroup model;
    private final Sharding sharding;
    private final double clip;
    private final List<Share> shares = new ArrayList<>();
    private final BucketTraffic traffic;
    private final Tensor squares;
    private final Tensor scale;
    private final ByteBuffer scalar = ByteBuffer.allocateDirect(Double.BYTES).order(ByteOrder.nativeOrder());

    /**
     * @param parameters allocated for training, padded for as many shards as {@code data} has ranks
     * @param data       the data-parallel group
     * @param background the same ranks, for communication beside layers; null where nothing overlaps
     * @param model      ranks that share the replica
     * @param run        frame of the run arena: gives the optimizer's state
     */
    public ParameterUpdate(Engine engine, Parameters parameters, Communicator data, BackgroundCollectives background, ModelGroup model, Traffic how,
                           OptimizerOptions options, Arena.Frame run) {
        this.engine = engine;
        this.parameters = parameters;
        this.data = data;
        this.model = model;
        this.sharding = how.sharding();
        this.clip = options.clipGrad();
        long trained = parameters.trainedElements();
        FlatBuckets buckets = FlatBuckets.cut(parameters, data.size(),
                model.copied(parameters).map(table -> table.gradient().elements()).orElse(0L), how.bucketElements());
        this.traffic = new BucketTraffic(parameters, buckets, data, model, sharding, how.overlap(), background);
        List<FlatRange> owned = trained == 0 ? List.of() : sharding == Sharding.REPLICATED ? List.of(new FlatRange(0, trained, false))
                : buckets.buckets().stream().map(bucket -> bucket.share(data.rank(), data.size())).toList();
        List<FlatRange> decayed = List.of(new FlatRange(0, parameters.decayedElements(), true),
                new FlatRange(parameters.decayedElements(), trained, false));
        for (FlatRange range : owned) {
            Tensor value = parameters.value().rows(range.from(), range.size());
            Tensor gradient = parameters.gradient().rows(range.from(), range.size());
            shares.add(new Share(range, gradient, optimizer(engine.kernels(), options, value, gradient, range.from(), decayed, run)));
        }
        this.squares = run.tensor("sum of squared gradients", DType.F64, 1);
        this.scale = run.tensor("gradient scale", DType.F32, 1);
    }

    /** A range of the flat buffers that this rank updates. */
    private record Share(FlatRange range, Tensor gradient, Optimizer optimizer) {
    }

    /** @param base flat element that the tensors begin at */
    static Optimizer optimizer(Kernels kernels, OptimizerOptions options, Tensor value, Tensor gradient, long base, List<FlatRange> ranges, Arena.Frame run) {
        float decay = (float) options.weightDecay();
        return switch (options.optimizer()) {
            case ADAM -> new AdamW(kernels, new AdamW.Settings((float) options.adamBeta1(), (float) options.adamBeta2(),
                    (float) options.adamEps(), decay), value, gradient, base, ranges, run);
            case SGD -> new Sgd(kernels, new Sgd.Settings((float) options.sgdMomentum(), decay), value, gradient, base, ranges, run);
            case MUON, DIST_MUON -> throw new IllegalStateException("optimizer " + options.optimizer() + " is refused when options are parsed");
        };
    }

    @Override
    public GradientScale apply(double learningRate, double denominator) {
        GradientScale gradientScale = GradientScale.of(reducedSquares(), denominator, clip);
        step(learningRate, gradientScale);
        return gradientScale;
    }

    /** Reduces the gradients. @return the sum of their squares over the whole model */
    double reducedSquares() {
        traffic.finishReduction();
        return sumOfSquares();
    }

    /** Updates the parameters on all ranks, unless the scale is not finite, and clears the gradients. */
    void step(double learningRate, GradientScale gradientScale) {
        if (gradientScale.isFinite()) {
            engine.kernels().fill(scale, gradientScale.factor());
            traffic.settle();
            shares.forEach(share -> share.optimizer().step((float) learningRate, scale));
            traffic.gather();
        }
        clearGradients();
    }

    private void clearGradients() {
        if (parameters.gradient() != null) {
            engine.kernels().fill(parameters.gradient(), 0);
        }
    }

    @Override
    public ParameterUse use() {
        return traffic;
    }

    @Override
    public void lastPass(Runnable pass) {
        traffic.lastPass(pass);
    }

    @Override
    public boolean meetsInEveryPass() {
        return false;
    }

    @Override
    public void load(Loader loader) throws IOException {
        loader.load(parameters);
    }

    @Override
    public void clear() {
        engine.kernels().fill(parameters.value(), 0);
        clearGradients();
        if (parameters.buffers() != null) {
            engine.kernels().fill(parameters.buffers(), 0);
        }
    }

    @Override
    public void bring(TensorSpec tensor) {
        traffic.settle();
    }

    @Override
    public long heldBytes() {
        return parameters.value().sizeBytes() + (parameters.gradient() == null ? 0 : parameters.gradient().sizeBytes());
    }

    private double sumOfSquares() {
        engine.kernels().fill(squares, 0);
        for (Share share : shares) {
            model.shareOfSquares(engine.kernels(), parameters, share.gradient(), share.range().from(), squares);
        }
        if (sharding == Sharding.DISTRIBUTED && data.size() > 1) {
            data.allReduce(squares, Reduction.SUM);
        }
        if (model.ranks().size() > 1) {
            model.ranks().allReduce(squares, Reduction.SUM);
        }
        engine.read(squares, scalar.clear());
        return scalar.getDouble(0);
    }

    @Override
    public long steps() {
        return shares.isEmpty() ? 0 : shares.get(0).optimizer().steps();
    }

    @Override
    public void restore(long steps) {
        shares.forEach(share -> share.optimizer().restore(steps));
    }

    @Override
    public List<StatePiece> toSave(boolean withOptimizer) {
        traffic.settle();
        List<StatePiece> pieces = new ArrayList<>();
        if (withOptimizer) {
            for (Share share : shares) {
                FlatRange written = sharding == Sharding.DISTRIBUTED ? share.range()
                        : new FlatBuckets.Bucket(0, parameters.trainedElements(), List.of()).share(data.rank(), data.size());
                FlatPieces.collect(pieces, "value", parameters, parameters.value(), 0, written, model::answersFor);
                share.optimizer().state().forEach((name, tensor) -> FlatPieces.collect(pieces, name, parameters, tensor, share.range().from(), written,
                        model::answersFor));
            }
            FlatPieces.collectBuffers(pieces, parameters, parameter -> data.rank() == 0 && model.answersFor(parameter));
        }
        return pieces;
    }

    @Override
    public List<StatePiece> valuesToLoad() {
        List<StatePiece> pieces = new ArrayList<>();
        FlatPieces.collectBuffers(pieces, parameters, parameter -> true);
        FlatPieces.collect(pieces, "value", parameters, parameters.value(), 0, new FlatRange(0, parameters.trainedElements(), false), parameter -> true);
        return pieces;
    }

    @Override
    public List<StatePiece> optimizerToLoad() {
        List<StatePiece> pieces = new ArrayList<>();
        for (Share share : shares) {
            share.optimizer().state().forEach((name, tensor) -> FlatPieces.collect(pieces, name, parameters, tensor, share.range().from(), share.range(),
                    parameter -> true));
        }
        return pieces;
    }
}
