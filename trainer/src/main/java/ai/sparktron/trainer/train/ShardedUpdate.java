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
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;
import ai.sparktron.trainer.train.ShardedUnits.Unit;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * One model shared out over the data-parallel ranks (ZeRO stage 3, arXiv 1910.02054; Megatron {@code data_parallel_sharding_strategy optim_grads_params}): a rank
 * keeps a share of each unit's values, gradients and optimizer state. A unit's values are gathered before its layer runs and give way to the next one's; its
 * gradients are reduced to their owners as soon as its backward is through, once a micro-batch. With {@code optim_grads} values stay whole on all ranks.
 *
 * <p>All ranks run every pass, since they meet in each layer.
 */
public final class ShardedUpdate implements ModelUpdate, ParameterUse {

    private static final int NOBODY = -1;

    private final Engine engine;
    private final List<Unit> units;
    private final Communicator data;
    private final ModelGroup model;
    private final boolean resident;
    private final List<Optimizer> optimizers = new ArrayList<>();
    private final Map<Parameter, Integer> unitOf = new IdentityHashMap<>();
    private final Map<String, Integer> unitOfTensor = new java.util.HashMap<>();
    private final boolean[] fresh;
    private final int[] valuesOf;
    private final int[] gradientsOf;
    private final int[] left;
    private final Clipping clipping;

    /**
     * @param data     the ranks that share the model out
     * @param model    ranks that hold cut parameters together
     * @param resident whether values stay whole on all ranks
     * @param types    of the optimizer's state; others are the units'
     * @param run      gives the optimizer's state
     */
    ShardedUpdate(Engine engine, ShardedUnits sharded, Communicator data, ModelGroup model, boolean resident, OptimizerOptions options, StateTypes types,
                  Arena.Frame run) {
        this.engine = engine;
        this.units = sharded.units();
        this.data = data;
        this.model = model;
        this.resident = resident;
        for (int u = 0; u < units.size(); u++) {
            Unit unit = units.get(u);
            Parameters parameters = unit.parameters();
            List<FlatRange> ranges = List.of(new FlatRange(0, parameters.decayedElements(), true),
                    new FlatRange(parameters.decayedElements(), parameters.trainedElements(), false));
            optimizers.add(ParameterUpdate.optimizer(engine, options, unit.own(), types, ranges, run));
            for (Parameter parameter : parameters.all()) {
                unitOf.put(parameter, u);
                for (var part : parameter.spec().parts()) {
                    unitOfTensor.put(part.name(), u);
                }
            }
        }
        this.fresh = new boolean[units.size()];
        this.left = new int[units.size()];
        this.valuesOf = new int[sharded.places()];
        this.gradientsOf = new int[sharded.places()];
        Arrays.fill(valuesOf, NOBODY);
        Arrays.fill(gradientsOf, NOBODY);
        this.clipping = new Clipping(engine, options.clipGrad(), run);
    }

    /** This rank's range of a unit's flat elements. */
    private FlatRange share(Unit unit) {
        long size = unit.parameters().trainedElements() / data.size();
        return new FlatRange(data.rank() * size, (data.rank() + 1) * size, false);
    }

    private Tensor own(Tensor whole, Unit unit) {
        return whole.rows(share(unit).from(), share(unit).size());
    }

    private static Tensor table(Tensor flat) {
        return flat.reshape(Shape.of(flat.elements() / Parameters.ALIGNMENT, Parameters.ALIGNMENT));
    }

    /** Values of a unit, whole in their place. */
    private void gather(int u) {
        Unit unit = units.get(u);
        boolean there = fresh[u] && (resident || valuesOf[unit.place()] == u);
        if (!there) {
            data.allGather(unit.values(), unit.parameters().value());
            fresh[u] = true;
            valuesOf[unit.place()] = u;
        }
    }

    @Override
    public void beforeForward(List<Parameter> parameters) {
        parameters.forEach(parameter -> gather(unitOf.get(parameter)));
    }

    @Override
    public void beforeBackward(List<Parameter> parameters) {
        for (Parameter parameter : parameters) {
            int u = unitOf.get(parameter);
            Unit unit = units.get(u);
            gather(u);
            if (gradientsOf[unit.place()] != u) {
                if (gradientsOf[unit.place()] != NOBODY) {
                    throw new IllegalStateException("gradients of unit " + gradientsOf[unit.place()] + " are not complete while those of unit " + u + " begin");
                }
                // Its place held another unit's gradients: gaps are cleared too.
                engine.kernels().fill(unit.parameters().gradient(), 0);
                gradientsOf[unit.place()] = u;
                left[u] = unit.parameters().all().size();
            }
        }
    }

    @Override
    public void afterBackward(List<Parameter> parameters) {
        for (Parameter parameter : parameters) {
            int u = unitOf.get(parameter);
            model.completeGradient(parameter);
            if (--left[u] == 0) {
                reduce(units.get(u));
            }
        }
    }

    private void reduce(Unit unit) {
        Tensor whole = unit.parameters().gradient();
        Tensor summed = own(whole, unit);
        data.reduceScatter(whole, summed, Reduction.SUM);
        engine.kernels().add(table(unit.gradients()), table(summed), table(unit.gradients()));
        gradientsOf[unit.place()] = NOBODY;
    }

    @Override
    public Tensor apply(double learningRate, double denominator) {
        units.forEach(unit -> model.copied(unit.parameters()).ifPresent(table -> model.addCopies(unit.gradients())));
        for (Unit unit : units) {
            model.shareOfSquares(engine.kernels(), unit.parameters(), unit.gradients(), share(unit).from(), clipping.squares());
        }
        if (data.size() > 1) {
            data.allReduce(clipping.squares(), Reduction.SUM);
        }
        if (model.ranks().size() > 1) {
            model.ranks().allReduce(clipping.squares(), Reduction.SUM);
        }
        Tensor factor = clipping.factor(denominator);
        optimizers.forEach(optimizer -> optimizer.step((float) learningRate, factor));
        Arrays.fill(fresh, false);
        units.forEach(unit -> engine.kernels().fill(unit.gradients(), 0));
        return clipping.norm();
    }

    @Override
    public ParameterUse use() {
        return this;
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
        for (Unit unit : units) {
            loader.load(unit.parameters(), new FlatWeights(engine, unit.parameters().value(), List.of(inPlace(unit))));
            keepOwn(unit);
        }
        Arrays.fill(fresh, false);
    }

    /** This rank's range with its values where the unit is whole. */
    private OwnRange inPlace(Unit unit) {
        return new OwnRange(own(unit.parameters().value(), unit), unit.own().main(), unit.gradients(), share(unit).from());
    }

    private void keepOwn(Unit unit) {
        engine.kernels().copy(table(own(unit.parameters().value(), unit)), table(unit.values()));
    }

    @Override
    public void clear() {
        for (Unit unit : units) {
            engine.kernels().fill(unit.values(), 0);
            engine.kernels().fill(unit.gradients(), 0);
            unit.own().adoptValues(engine);
        }
        Arrays.fill(fresh, false);
    }

    @Override
    public void bring(TensorSpec tensor) {
        Integer unit = unitOfTensor.get(tensor.name());
        if (unit != null) {
            gather(unit);
        }
    }

    @Override
    public void close() {
        // All that is held is the run's.
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
            FlatRange share = share(unit);
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
            FlatPieces.collect(pieces, "value", unit.parameters(), unit.own().weights(engine), share(unit).from(), share(unit), parameter -> true);
        }
        return pieces;
    }

    @Override
    public List<StatePiece> optimizerToLoad() {
        List<StatePiece> pieces = new ArrayList<>();
        for (int u = 0; u < units.size(); u++) {
            Unit unit = units.get(u);
            optimizers.get(u).state().forEach((name, numbers) -> FlatPieces.collect(pieces, name, unit.parameters(), numbers, share(unit).from(), share(unit),
                    parameter -> true));
        }
        return pieces;
    }

    @Override
    public long heldBytes() {
        long shares = units.stream().mapToLong(unit -> unit.values().sizeBytes() + unit.gradients().sizeBytes()).sum()
                + units.stream().map(unit -> unit.own().main()).filter(Objects::nonNull).mapToLong(StateTensor::sizeBytes).sum();
        long places = 0;
        for (int place = 0; place < valuesOf.length; place++) {
            int here = place;
            places += units.stream().filter(unit -> unit.place() == here).map(Unit::parameters)
                    .mapToLong(whole -> whole.gradient().sizeBytes() + (resident ? 0 : whole.value().sizeBytes())).max().orElse(0);
        }
        return shares + places + (resident ? units.stream().mapToLong(unit -> unit.parameters().value().sizeBytes()).sum() : 0);
    }
}
