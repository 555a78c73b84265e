package ai.sparktron.trainer.train;

import ai.sparktron.trainer.checkpoint.GlobalSlice;
import ai.sparktron.trainer.checkpoint.StatePiece;
import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.config.OptimizerOptions;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.optimizer.AdamW;
import ai.sparktron.trainer.optimizer.FlatRange;
import ai.sparktron.trainer.optimizer.GradientScale;
import ai.sparktron.trainer.optimizer.Optimizer;
import ai.sparktron.trainer.optimizer.Sgd;
import ai.sparktron.trainer.parallel.ModelGroup;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * From accumulated gradients to updated parameters, over the data-parallel ranks: reduce, norm, clip, step.
 *
 * <p>With the distributed optimizer (ZeRO stage 1, arXiv 1910.02054; Megatron {@code use_distributed_optimizer}) every rank reduces and updates one equal range of
 * the flat buffers, keeps optimizer state for that range alone, and the updated values are gathered. Without it every rank does all of it. The numbers are the
 * same: both sum in rank order.
 */
public final class ParameterUpdate {

    /** Whether optimizer state is shared out over the data-parallel ranks. */
    public enum Sharding { REPLICATED, DISTRIBUTED }

    private final Engine engine;
    private final Parameters parameters;
    private final Communicator data;
    private final ModelGroup model;
    private final Sharding sharding;
    private final double clip;
    private final long first;
    private final long last;
    private final Tensor ownValue;
    private final Tensor ownGradient;
    private final Optimizer optimizer;
    private final Tensor squares;
    private final Tensor scale;
    private final ByteBuffer scalar = ByteBuffer.allocateDirect(Double.BYTES).order(ByteOrder.nativeOrder());

    /**
     * @param parameters allocated for training, padded for as many shards as {@code data} has ranks
     * @param data       the data-parallel group
     * @param model      ranks that share the replica
     * @param run        frame of the run arena: gives the optimizer's state
     */
    public ParameterUpdate(Engine engine, Parameters parameters, Communicator data, ModelGroup model, Sharding sharding, OptimizerOptions options,
                           Arena.Frame run) {
        this.engine = engine;
        this.parameters = parameters;
        this.data = data;
        this.model = model;
        this.sharding = sharding;
        this.clip = options.clipGrad();
        long trained = parameters.trainedElements();
        if (trained == 0) {
            throw new TrainingException("no parameter is trained: everything is frozen; check freeze_parameters and trainable_parameters");
        }
        boolean distributed = sharding == Sharding.DISTRIBUTED;
        this.first = distributed ? trained / data.size() * data.rank() : 0;
        this.last = distributed ? first + trained / data.size() : trained;
        this.ownValue = parameters.value().rows(first, last - first);
        this.ownGradient = parameters.gradient().rows(first, last - first);
        this.optimizer = optimizer(options, run);
        this.squares = run.tensor("sum of squared gradients", DType.F64, 1);
        this.scale = run.tensor("gradient scale", DType.F32, 1);
    }

    private Optimizer optimizer(OptimizerOptions options, Arena.Frame run) {
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
        reduce();
        GradientScale gradientScale = GradientScale.of(sumOfSquares(), denominator, clip);
        if (gradientScale.isFinite()) {
            engine.kernels().fill(scale, gradientScale.factor());
            optimizer.step((float) learningRate, scale);
            if (sharding == Sharding.DISTRIBUTED && data.size() > 1) {
                data.allGather(ownValue, parameters.value().rows(0, parameters.trainedElements()));
            }
        }
        engine.kernels().fill(parameters.gradient(), 0);
        return gradientScale;
    }

    private void reduce() {
        model.completeGradients(parameters);
        if (data.size() == 1) {
            return;
        }
        switch (sharding) {
            case DISTRIBUTED -> data.reduceScatter(parameters.gradient(), ownGradient, Reduction.SUM);
            case REPLICATED -> data.allReduce(parameters.gradient(), Reduction.SUM);
        }
    }

    private double sumOfSquares() {
        model.shareOfSquares(engine.kernels(), parameters, ownGradient, first, squares);
        if (sharding == Sharding.DISTRIBUTED && data.size() > 1) {
            data.allReduce(squares, Reduction.SUM);
        }
        if (model.ranks().size() > 1) {
            model.ranks().allReduce(squares, Reduction.SUM);
        }
        engine.read(squares, scalar.clear());
        return scalar.getDouble(0);
    }

    public Optimizer optimizer() {
        return optimizer;
    }

    /**
     * What this rank writes into a checkpoint: float32 values and optimizer state. Ranks that hold the same write a share each.
     *
     * @param withOptimizer false = nothing ({@code no_save_optim}): the weights are in the Hugging Face files anyway
     */
    public List<StatePiece> toSave(boolean withOptimizer) {
        List<StatePiece> pieces = new ArrayList<>();
        if (withOptimizer) {
            long trained = parameters.trainedElements();
            long from = trained / data.size() * data.rank();
            collect(pieces, "value", parameters.value(), 0, from, from + trained / data.size(), model::answersFor);
            optimizer.state().forEach((name, tensor) -> collect(pieces, name, tensor, first, from, from + trained / data.size(),
                    model::answersFor));
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
        for (Map.Entry<String, Tensor> state : optimizer.state().entrySet()) {
            collect(pieces, state.getKey(), state.getValue(), first, first, last, parameter -> true);
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
