package ai.sparktron.trainer.train;

import ai.sparktron.trainer.checkpoint.StatePiece;
import ai.sparktron.trainer.comm.BackgroundCollectives;
import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.config.OptimizerOptions;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.StateTensor;
import ai.sparktron.trainer.kernels.StochasticRounding;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.layer.ParameterUse;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.optimizer.AdamW;
import ai.sparktron.trainer.optimizer.FlatRange;
import ai.sparktron.trainer.optimizer.Optimizer;
import ai.sparktron.trainer.optimizer.OwnRange;
import ai.sparktron.trainer.optimizer.Sgd;
import ai.sparktron.trainer.optimizer.StateTypes;
import ai.sparktron.trainer.parallel.FlatBuckets;
import ai.sparktron.trainer.parallel.ModelGroup;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

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
    private final List<FlatRange> owned;
    private final List<Share> shares = new ArrayList<>();
    private final BucketTraffic traffic;
    private final FreshGradients fresh;
    private final Offloading offloading;
    private final FlatWeights weights;
    private final Clipping clipping;

    /**
     * @param parameters allocated for training, padded for as many shards as {@code data} has ranks
     * @param data       the data-parallel group
     * @param background the same ranks, for communication beside layers; null where nothing overlaps
     * @param model      ranks that share the replica
     * @param types      of the numbers kept per parameter; those of values and gradients are the parameters'
     * @param seed       of the run
     * @param run        frame of the run arena: gives main weights and the optimizer's state
     */
    public ParameterUpdate(Engine engine, Parameters parameters, Communicator data, BackgroundCollectives background, ModelGroup model, Traffic how,
                           OptimizerOptions options, StateTypes types, long seed, Arena.Frame run) {
        this.engine = engine;
        this.parameters = parameters;
        this.data = data;
        this.model = model;
        this.sharding = how.sharding();
        long trained = parameters.trainedElements();
        FlatBuckets buckets = FlatBuckets.cut(parameters, data.size(),
                model.copied(parameters).map(table -> table.gradient().elements()).orElse(0L), how.bucketElements());
        this.traffic = new BucketTraffic(engine.kernels(), parameters, buckets, data, model, sharding, how.overlap(), background);
        // Shares of one rank are one range, and one kernel; what rests on the host visits the device by buckets.
        boolean whole = sharding == Sharding.REPLICATED || data.size() == 1 && !options.optimizerCpuOffload();
        this.owned = trained == 0 ? List.of() : whole ? List.of(new FlatRange(0, trained, false)) : buckets.buckets().stream().map(bucket -> bucket.share(data.rank(), data.size())).toList();
        List<FlatRange> decayed = List.of(new FlatRange(0, parameters.decayedElements(), true),
                new FlatRange(parameters.decayedElements(), trained, false));
        StochasticRounding rounding = ElementNumbers.rounding(engine, parameters, types, seed, run);
        this.offloading = new Offloading(options, types, engine, owned.stream().mapToLong(FlatRange::size).max().orElse(0), run);
        for (FlatRange range : owned) {
            long here = range.to() - offloading.onHost(range.size());
            if (range.from() < here) {
                OwnRange own = OwnRange.allocate(types, parameters.value().rows(range.from(), here - range.from()),
                        parameters.gradient().rows(range.from(), here - range.from()), range.from(), run);
                shares.add(new Share(new FlatRange(range.from(), here, false), own, optimizer(engine, options, own, types, rounding, decayed, run)));
            }
            if (here < range.to()) {
                OwnRange own = offloading.range(parameters.value().rows(here, range.to() - here), parameters.gradient().rows(here, range.to() - here), here);
                shares.add(new Share(new FlatRange(here, range.to(), false), own, offloading.optimizer(adam(options), own, rounding, decayed)));
            }
        }
        this.weights = new FlatWeights(engine, parameters.value(), shares.stream().map(Share::own).toList());
        this.clipping = new Clipping(engine, options.clipGrad(), run);
        this.fresh = new FreshGradients(engine.kernels(), parameters);
    }

    /** A range of the flat buffers that this rank updates. */
    private record Share(FlatRange range, OwnRange own, Optimizer optimizer) {
    }

    static Optimizer optimizer(Engine engine, OptimizerOptions options, OwnRange own, StateTypes types, StochasticRounding rounding, List<FlatRange> ranges,
                               Arena.Frame run) {
        return switch (options.optimizer()) {
            case ADAM -> new AdamW(engine, adam(options), own, types, rounding, ranges, run);
            case SGD -> new Sgd(engine, new Sgd.Settings((float) options.sgdMomentum(), (float) options.weightDecay()), own, ranges, run);
            case MUON, DIST_MUON -> throw new IllegalStateException("optimizer " + options.optimizer() + " is refused when options are parsed");
        };
    }

    private static AdamW.Settings adam(OptimizerOptions options) {
        return new AdamW.Settings((float) options.adamBeta1(), (float) options.adamBeta2(), (float) options.adamEps(), (float) options.weightDecay());
    }

    @Override
    public Tensor apply(double learningRate, double denominator) {
        traffic.finishReduction();
        addSquaresOfShares(clipping.squares());
        if (sharding == Sharding.DISTRIBUTED && data.size() > 1) {
            data.allReduce(clipping.squares(), Reduction.SUM);
        }
        if (model.ranks().size() > 1) {
            model.ranks().allReduce(clipping.squares(), Reduction.SUM);
        }
        step(learningRate, clipping.factor(denominator));
        return clipping.norm();
    }

    /** Reduces the gradients and adds squares, over all ranks of data and model together each element's once. @param squares float64 [1] */
    void addSquares(Tensor squares) {
        traffic.finishReduction();
        if (sharding == Sharding.DISTRIBUTED || data.rank() == 0) {
            addSquaresOfShares(squares);
        }
    }

    private void addSquaresOfShares(Tensor squares) {
        for (FlatRange range : owned) {
            model.shareOfSquares(engine.kernels(), parameters, parameters.gradient().rows(range.from(), range.size()), range.from(), squares);
        }
    }

    /** Updates the parameters on all ranks, unless the factor is not finite, and clears the gradients. @param factor float32 [1] on the summed gradient */
    void step(double learningRate, Tensor factor) {
        traffic.settle();
        shares.forEach(share -> share.optimizer().step((float) learningRate, factor));
        traffic.gather();
        if (parameters.gradient() != null) {
            fresh.begin();
        }
    }

    @Override
    public ParameterUse use() {
        return traffic;
    }

    @Override
    public void lastPass(Runnable pass) {
        offloading.prefetch();
        traffic.lastPass(pass);
    }

    @Override
    public boolean meetsInEveryPass() {
        return false;
    }

    @Override
    public void load(Loader loader) throws IOException {
        loader.load(parameters, weights);
    }

    @Override
    public void clear() {
        engine.kernels().fill(parameters.value(), 0);
        if (parameters.gradient() != null) {
            engine.kernels().fill(parameters.gradient(), 0);
        }
        if (parameters.buffers() != null) {
            engine.kernels().fill(parameters.buffers(), 0);
        }
        shares.forEach(share -> share.own().adoptValues(engine));
    }

    @Override
    public void bring(TensorSpec tensor) {
        traffic.settle();
    }

    @Override
    public long heldBytes() {
        return parameters.value().sizeBytes() + (parameters.gradient() == null ? 0 : parameters.gradient().sizeBytes())
                + shares.stream().filter(share -> share.own().home() == null).map(share -> share.own().main()).filter(Objects::nonNull)
                .mapToLong(StateTensor::sizeBytes).sum();
    }

    @Override
    public void close() {
        offloading.close();
    }

    @Override
    public void addSquaresOfValues(Tensor squares) {
        traffic.settle();
        for (Parameter parameter : parameters.all()) {
            if (data.rank() == 0 && !parameter.spec().buffer() && model.answersFor(parameter)) {
                engine.kernels().sumOfSquares(parameter.value().reshape(Shape.of(parameter.value().elements())), squares, Write.ACCUMULATE);
            }
        }
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
                FlatPieces.collect(pieces, "value", parameters, weights, 0, written, model::answersFor);
                share.optimizer().state().forEach((name, numbers) -> FlatPieces.collect(pieces, name, parameters, numbers, share.range().from(), written,
                        model::answersFor));
            }
            FlatPieces.collectBuffers(pieces, parameters, engine, parameter -> data.rank() == 0 && model.answersFor(parameter));
        }
        return pieces;
    }

    @Override
    public List<StatePiece> valuesToLoad() {
        List<StatePiece> pieces = new ArrayList<>();
        FlatPieces.collectBuffers(pieces, parameters, engine, parameter -> true);
        FlatPieces.collect(pieces, "value", parameters, weights, 0, new FlatRange(0, parameters.trainedElements(), false), parameter -> true);
        return pieces;
    }

    @Override
    public List<StatePiece> optimizerToLoad() {
        List<StatePiece> pieces = new ArrayList<>();
        for (Share share : shares) {
            share.optimizer().state().forEach((name, numbers) -> FlatPieces.collect(pieces, name, parameters, numbers, share.range().from(), share.range(),
                    parameter -> true));
        }
        return pieces;
    }
}
