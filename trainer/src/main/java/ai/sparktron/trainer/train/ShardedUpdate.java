package ai.sparktron.trainer.train;

import ai.sparktron.trainer.checkpoint.StatePiece;
import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.config.OptimizerOptions;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.StateTensor;
import ai.sparktron.trainer.layer.ParameterUse;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.optimizer.FlatRange;
import ai.sparktron.trainer.optimizer.Optimizer;
import ai.sparktron.trainer.optimizer.OwnRange;
import ai.sparktron.trainer.optimizer.StateTypes;
import ai.sparktron.trainer.parallel.ModelGroup;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;
import ai.sparktron.trainer.train.ShardedUnits.Unit;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * One model shared out over the data-parallel ranks (ZeRO stage 3, arXiv 1910.02054; Megatron {@code data_parallel_sharding_strategy optim_grads_params}): a rank
 * keeps a share of each unit's values, gradients and optimizer state. A unit's values are gathered before its layer runs and give way to others'; its
 * gradients are reduced to their owners as soon as its backward is through, once a micro-batch ({@link UnitTraffic}, beside other layers where communication
 * overlaps). With {@code optim_grads} values stay whole on all ranks.
 *
 * <p>All ranks run every pass, since they meet in each layer.
 */
public final class ShardedUpdate implements ModelUpdate {

    private final Engine engine;
    private final List<Unit> units;
    private final Communicator data;
    private final ModelGroup model;
    private final UnitTraffic traffic;
    private final List<Optimizer> optimizers = new ArrayList<>();
    private final Map<String, Integer> unitOfTensor = new HashMap<>();
    private final Clipping clipping;

    /**
     * @param traffic brings values and takes gradients away
     * @param data    the ranks that share the model out
     * @param model   ranks that hold cut parameters together
     * @param types   of the optimizer's state; others are the units'
     * @param seed    of the run
     * @param run     gives the optimizer's state
     */
    ShardedUpdate(Engine engine, ShardedUnits sharded, UnitTraffic traffic, Communicator data, ModelGroup model, OptimizerOptions options, StateTypes types,
                  long seed, Arena.Frame run) {
        this.engine = engine;
        this.units = sharded.units();
        this.traffic = traffic;
        this.data = data;
        this.model = model;
        for (int u = 0; u < units.size(); u++) {
            Unit unit = units.get(u);
            Parameters parameters = unit.parameters();
            List<FlatRange> ranges = List.of(new FlatRange(0, parameters.decayedElements(), true),
                    new FlatRange(parameters.decayedElements(), parameters.trainedElements(), false));
            optimizers.add(ParameterUpdate.optimizer(engine, options, unit.own(), types, ElementNumbers.rounding(engine, parameters, types, seed, run), ranges, run));
            for (Parameter parameter : parameters.all()) {
                for (var part : parameter.spec().parts()) {
                    unitOfTensor.put(part.name(), u);
                }
            }
        }
        this.clipping = new Clipping(engine, options.clipGrad(), run);
    }

    @Override
    public void begin() {
        traffic.begin();
    }

    @Override
    public Tensor apply(double learningRate, double denominator) {
        traffic.gradientsSettle();
        units.forEach(unit -> model.copied(unit.parameters()).ifPresent(table -> model.addCopies(unit.gradients())));
        for (Unit unit : units) {
            model.shareOfSquares(engine.kernels(), unit.parameters(), unit.gradients(), traffic.share(unit).from(), clipping.squares());
        }
        if (data.size() > 1) {
            data.allReduce(clipping.squares(), Reduction.SUM);
        }
        if (model.ranks().size() > 1) {
            model.ranks().allReduce(clipping.squares(), Reduction.SUM);
        }
        Tensor factor = clipping.factor(denominator);
        optimizers.forEach(optimizer -> optimizer.step((float) learningRate, factor));
        traffic.updated();
        return clipping.norm();
    }

    @Override
    public ParameterUse use() {
        return traffic;
    }

    @Override
    public void lastPass(Runnable pass) {
        pass.run(); // Every pass is reduced.
    }

    @Override
    public boolean meetsInEveryPass() {
        return true;
    }

    @Override
    public void load(Loader loader) throws IOException {
        traffic.settle();
        for (Unit unit : units) {
            loader.load(unit.parameters(), new FlatWeights(engine, unit.parameters().value(), List.of(inPlace(unit))));
            keepOwn(unit);
        }
        traffic.valuesChanged();
    }

    /** This rank's range with its values where the unit is whole. */
    private OwnRange inPlace(Unit unit) {
        return new OwnRange(traffic.own(unit.parameters().value(), unit), unit.own().main(), unit.gradients(), traffic.share(unit).from());
    }

    private void keepOwn(Unit unit) {
        engine.kernels().copy(UnitTraffic.table(traffic.own(unit.parameters().value(), unit)), UnitTraffic.table(unit.values()));
    }

    @Override
    public void clear() {
        traffic.settle();
        for (Unit unit : units) {
            engine.kernels().fill(unit.values(), 0);
            engine.kernels().fill(unit.gradients(), 0);
            unit.own().adoptValues(engine);
        }
        traffic.valuesChanged();
    }

    @Override
    public void bring(TensorSpec tensor) {
        Integer unit = unitOfTensor.get(tensor.name());
        if (unit != null) {
            traffic.bring(unit);
        }
    }

    @Override
    public void close() {
        // All that is held is the run's.
    }

    @Override
    public void addSquaresOfValues(Tensor squares) {
        units.forEach(unit -> model.shareOfSquares(engine.kernels(), unit.parameters(), unit.values(), traffic.share(unit).from(), squares));
    }

    @Override
    public long steps() {
        return optimizers.get(0).steps();
    }

    @Override
    public void restore(long steps) {
        optimizers.forEach(optimizer -> optimizer.restore(steps));
    }

    @Override
    public List<StatePiece> toSave(boolean withOptimizer) {
        List<StatePiece> pieces = new ArrayList<>();
        for (int u = 0; withOptimizer && u < units.size(); u++) {
            Unit unit = units.get(u);
            FlatRange share = traffic.share(unit);
            FlatPieces.collect(pieces, "value", unit.parameters(), unit.own().weights(engine), share.from(), share, model::answersFor);
            optimizers.get(u).state().forEach((name, numbers) -> FlatPieces.collect(pieces, name, unit.parameters(), numbers, share.from(), share,
                    model::answersFor));
        }
        return pieces;
    }

    @Override
    public List<StatePiece> valuesToLoad() {
        List<StatePiece> pieces = new ArrayList<>();
        for (Unit unit : units) {
            FlatPieces.collect(pieces, "value", unit.parameters(), unit.own().weights(engine), traffic.share(unit).from(), traffic.share(unit), parameter -> true);
        }
        return pieces;
    }

    @Override
    public List<StatePiece> optimizerToLoad() {
        List<StatePiece> pieces = new ArrayList<>();
        for (int u = 0; u < units.size(); u++) {
            Unit unit = units.get(u);
            optimizers.get(u).state().forEach((name, numbers) -> FlatPieces.collect(pieces, name, unit.parameters(), numbers, traffic.share(unit).from(), traffic.share(unit),
                    parameter -> true));
        }
        return pieces;
    }

    @Override
    public long heldBytes() {
        long shares = units.stream().mapToLong(unit -> unit.values().sizeBytes() + unit.gradients().sizeBytes()).sum()
                + units.stream().map(unit -> unit.own().main()).filter(Objects::nonNull).mapToLong(StateTensor::sizeBytes).sum();
        return shares + traffic.placesBytes();
    }
}
