package ai.sparktron.trainer.train;

import ai.sparktron.trainer.checkpoint.GlobalSlice;
import ai.sparktron.trainer.checkpoint.StatePiece;
import ai.sparktron.trainer.comm.BackgroundCollectives;
import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.config.OptimizerOptions;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.layer.ParameterUse;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSlice;
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
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * From accumulated gradients to updated parameters, over the data-parallel ranks: reduce, norm, clip, step.
 *
 * <p>With the distributed optimizer (ZeRO stage 1, arXiv 1910.02054; Megatron {@code use_distributed_optimizer}) every rank reduces and updates one equal range of
 * each bucket of the flat buffers, keeps optimizer state for these ranges alone, and the updated values are gathered. Without it every rank does all of it. The
 * numbers are the same: both sum in rank order. Reduction and gathering may run beside backward and forward ({@link Overlap}).
 */
public final class ParameterUpdate {

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
        if (trained == 0) {
            throw new TrainingException("no parameter is trained: everything is frozen; check freeze_parameters and trainable_parameters");
        }
        FlatBuckets buckets = FlatBuckets.cut(parameters, data.size(), how.bucketElements());
        this.traffic = new BucketTraffic(parameters, buckets, data, model, sharding, how.overlap(), background);
        List<FlatRange> owned = sharding == Sharding.REPLICATED ? List.of(new FlatRange(0, trained, false))
                : buckets.buckets().stream().map(bucket -> bucket.share(data.rank(), data.size())).toList();
        for (FlatRange range : owned) {
            Tensor value = parameters.value().rows(range.from(), range.size());
            Tensor gradient = parameters.gradient().rows(range.from(), range.size());
            shares.add(new Share(range, gradient, optimizer(options, value, gradient, range.from(), run)));
        }
        this.squares = run.tensor("sum of squared gradients", DType.F64, 1);
        this.scale = run.tensor("gradient scale", DType.F32, 1);
    }

    /** A range of the flat buffers that this rank updates. */
    private record Share(FlatRange range, Tensor gradient, Optimizer optimizer) {
    }

    private Optimizer optimizer(OptimizerOptions options, Tensor ownValue, Tensor ownGradient, long first, Arena.Frame run) {
        List<FlatRange> ranges = List.of(new FlatRange(0, parameters.decayedElements(), true),
                new FlatRange(parameters.decayedElements(), parameters.trainedElements(), false));
        Kernels kernels = engine.kernels();
        float decay = (float) options.weightDecay();
        return switch (options.optimizer()) {
            case ADAM -> new AdamW(kernels, new AdamW.Settings((float) options.adamBeta1(), (float) options.adamBeta2(),
                    (float) options.adamEps(), decay), ownValue, ownGradient, first, ranges, run);
            case SGD -> new Sgd(kernels, new Sgd.Settings((float) options.sgdMomentum(), decay), ownValue, ownGradient, first, ranges, run);
            case MUON, DIST_MUON -> throw new IllegalStateException("optimizer " + options.optimizer() + " is refused when options are parsed");
        };
    }

    /**
     * Reduces the gradients, updates the parameters on all ranks and clears the gradients.
     *
     * @param learningRate rate of this step
     * @param denominator  what the summed gradient is divided by: trained tokens of the global batch
     * @return factor and norm; when not finite, nothing was updated
     */
    public GradientScale apply(double learningRate, double denominator) {
        traffic.finishReduction();
        GradientScale gradientScale = GradientScale.of(sumOfSquares(), denominator, clip);
        if (gradientScale.isFinite()) {
            engine.kernels().fill(scale, gradientScale.factor());
            traffic.settle();
            shares.forEach(share -> share.optimizer().step((float) learningRate, scale));
            traffic.gather();
        }
        engine.kernels().fill(parameters.gradient(), 0);
        return gradientScale;
    }

    /** What layers tell of their parameters' use; the model is built with it. */
    public ParameterUse use() {
        return traffic;
    }

    /** The micro-batch that now begins is the last one of the step that adds to gradients. */
    public void lastMicroBatch() {
        traffic.lastMicroBatch();
    }

    /** Returns when the values of all parameters are there, for whoever reads them otherwise than through layers. */
    public void settle() {
        traffic.settle();
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

    /** Updates done so far. */
    public long steps() {
        return shares.get(0).optimizer().steps();
    }

    /** Continues from a restored state. */
    public void restore(long steps) {
        shares.forEach(share -> share.optimizer().restore(steps));
    }

    /**
     * What this rank writes into a checkpoint: float32 values and optimizer state. Ranks that hold the same write a share each.
     *
     * @param withOptimizer false = nothing ({@code no_save_optim}): the weights are in the Hugging Face files anyway
     */
    public List<StatePiece> toSave(boolean withOptimizer) {
        settle();
        List<StatePiece> pieces = new ArrayList<>();
        if (withOptimizer) {
            for (Share share : shares) {
                FlatRange written = sharding == Sharding.DISTRIBUTED ? share.range()
                        : new FlatBuckets.Bucket(0, parameters.trainedElements(), List.of()).share(data.rank(), data.size());
                collect(pieces, "value", parameters.value(), 0, written.from(), written.to(), model::answersFor);
                share.optimizer().state().forEach((name, tensor) -> collect(pieces, name, tensor, share.range().from(), written.from(), written.to(),
                        model::answersFor));
            }
        }
        return pieces;
    }

    /** Float32 values of all trained parameters, to be read on every rank. */
    public List<StatePiece> valuesToLoad() {
        List<StatePiece> pieces = new ArrayList<>();
        collect(pieces, "value", parameters.value(), 0, 0, parameters.trainedElements(), parameter -> true);
        return pieces;
    }

    /** Optimizer state of this rank's range, to be read. */
    public List<StatePiece> optimizerToLoad() {
        List<StatePiece> pieces = new ArrayList<>();
        for (Share share : shares) {
            share.optimizer().state().forEach((name, tensor) -> collect(pieces, name, tensor, share.range().from(), share.range().from(), share.range().to(),
                    parameter -> true));
        }
        return pieces;
    }

    /**
     * Adds the pieces of a flat tensor that lie in flat elements [from, to).
     *
     * @param base flat element that is element 0 of {@code flat}
     */
    private void collect(List<StatePiece> pieces, String state, Tensor flat, long base, long from, long to,
                         Predicate<Parameter> wanted) {
        for (Parameter parameter : parameters.all()) {
            if (!parameter.isTrained() || !wanted.test(parameter)) {
                continue;
            }
            for (int part = 0; part < parameter.slices().size(); part++) {
                TensorSlice slice = parameter.slices().get(part);
                long start = parameter.partOffset(part);
                long low = Math.max(from, start);
                long high = Math.min(to, start + slice.elements());
                if (low < high) {
                    pieces.add(new StatePiece(state, globalSlice(slice).part(low - start, high - low), flat.rows(low - base, high - low)));
                }
            }
        }
    }

    private static GlobalSlice globalSlice(TensorSlice slice) {
        List<Long> shape = new ArrayList<>();
        for (long size : slice.tensor().shape().toArray()) {
            shape.add(size);
        }
        return new GlobalSlice(slice.tensor().name(), shape, slice.firstRow(), slice.rows(), slice.firstColumn(), slice.columns(), 0, slice.elements());
    }
}
