package ai.sparktron.trainer.train;

import ai.sparktron.trainer.comm.BackgroundCollectives;
import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.comm.Transfer;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.layer.ParameterUse;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.optimizer.FlatRange;
import ai.sparktron.trainer.parallel.ModelGroup;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;
import ai.sparktron.trainer.train.ShardedUnits.Unit;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * Units of a shared model on their way: values are gathered into their place before a layer reads them, gradients go to their owners when its backward is through.
 *
 * <p>With overlap the next unit's values come while the present one computes, and gradients go while the next one's are made; places are then two in turn, so that
 * neither waits for the other. Sums are made in the same order either way, so the bits are the same. With a background every collective of these ranks is one of
 * it: on GPUs all then run on one stream beside the layers', in one order on all ranks.
 */
final class UnitTraffic implements ParameterUse {

    private static final int NOBODY = UnitOrder.NOBODY;

    private final Kernels kernels;
    private final List<Unit> units;
    private final Communicator data;
    private final BackgroundCollectives background;
    private final ModelGroup model;
    private final boolean resident;
    private final ParameterUpdate.Overlap overlap;
    private final UnitOrder order;
    private final Map<Parameter, Integer> unitOf = new IdentityHashMap<>();
    private final List<FreshGradients> freshGradients;
    /** By unit: whether its whole values are those of its owners, and what brings them. */
    private final boolean[] fresh;
    private final Transfer[] gathering;
    /** By unit: parameters whose backward is not through, and whether the owner's sum holds anything of this step. */
    private final int[] left;
    private final boolean[] summed;
    /** By place: whose values and gradients lie there, what takes the gradients away, and whether they are to be added to the owner's sum then. */
    private final int[] valuesOf;
    private final int[] gradientsOf;
    private final Transfer[] reducing;
    private final boolean[] adding;

    /**
     * @param data       ranks that share the model out
     * @param background the same ranks, for communication beside layers; null where nothing overlaps
     * @param model      ranks that hold cut parameters together
     * @param resident   whether values have places of their own
     */
    UnitTraffic(Kernels kernels, ShardedUnits sharded, Communicator data, BackgroundCollectives background, ModelGroup model, boolean resident,
                ParameterUpdate.Overlap overlap) {
        this.kernels = kernels;
        this.units = sharded.units();
        this.data = data;
        this.background = background;
        this.model = model;
        this.resident = resident;
        this.overlap = overlap;
        this.order = new UnitOrder(units.size());
        this.freshGradients = units.stream().map(unit -> new FreshGradients(kernels, unit.parameters())).toList();
        for (int u = 0; u < units.size(); u++) {
            for (Parameter parameter : units.get(u).parameters().all()) {
                unitOf.put(parameter, u);
            }
        }
        this.fresh = new boolean[units.size()];
        this.gathering = new Transfer[units.size()];
        this.left = new int[units.size()];
        this.summed = new boolean[units.size()];
        this.valuesOf = new int[sharded.places()];
        this.gradientsOf = new int[sharded.places()];
        this.reducing = new Transfer[sharded.places()];
        this.adding = new boolean[sharded.places()];
        Arrays.fill(valuesOf, NOBODY);
        Arrays.fill(gradientsOf, NOBODY);
    }

    /** This rank's range of a unit's flat elements. */
    FlatRange share(Unit unit) {
        long size = unit.parameters().trainedElements() / data.size();
        return new FlatRange(data.rank() * size, (data.rank() + 1) * size, false);
    }

    /** This rank's range of values or gradients that are whole. */
    Tensor own(Tensor whole, Unit unit) {
        return whole.rows(share(unit).from(), share(unit).size());
    }

    static Tensor table(Tensor flat) {
        return flat.reshape(Shape.of(flat.elements() / Parameters.ALIGNMENT, Parameters.ALIGNMENT));
    }

    /** A training step begins. */
    void begin() {
        order.begin();
        Arrays.fill(summed, false);
    }

    @Override
    public void beforeForward(List<Parameter> parameters) {
        parameters.forEach(parameter -> need(unitOf.get(parameter)));
        foresee(parameters);
    }

    @Override
    public void beforeBackward(List<Parameter> parameters) {
        for (Parameter parameter : parameters) {
            int u = unitOf.get(parameter);
            need(u);
            if (gradientsOf[units.get(u).gradientPlace()] != u || left[u] == 0) {
                beginGradients(u);
            }
        }
        foresee(parameters);
    }

    private void need(int u) {
        order.used(u);
        bring(u);
    }

    /** Returns when a unit's values are whole in their place. */
    void bring(int u) {
        if (!isThere(u)) {
            startGathering(u);
        }
        arrive(u);
    }

    private boolean isThere(int u) {
        return fresh[u] && (resident || valuesOf[units.get(u).valuePlace()] == u);
    }

    /** Starts bringing the unit that comes next, unless its place is in use. */
    private void foresee(List<Parameter> inUse) {
        int next = overlap.gathers() && background != null ? order.next() : NOBODY;
        if (next != NOBODY && !isThere(next)
                && (resident || inUse.stream().noneMatch(parameter -> units.get(unitOf.get(parameter)).valuePlace() == units.get(next).valuePlace()))) {
            startGathering(next);
        }
    }

    private void startGathering(int u) {
        Unit unit = units.get(u);
        if (!resident && valuesOf[unit.valuePlace()] != NOBODY) {
            arrive(valuesOf[unit.valuePlace()]); // Foretold, but not used.
        }
        if (background != null) {
            gathering[u] = background.allGather(unit.values(), unit.parameters().value());
        } else {
            data.allGather(unit.values(), unit.parameters().value());
        }
        fresh[u] = true;
        valuesOf[unit.valuePlace()] = u;
    }

    private void arrive(int u) {
        if (gathering[u] != null) {
            gathering[u].await();
            gathering[u] = null;
        }
    }

    private void beginGradients(int u) {
        int place = units.get(u).gradientPlace();
        finishReduction(place);
        if (gradientsOf[place] != NOBODY) {
            throw new IllegalStateException("gradients of unit " + gradientsOf[place] + " are not complete while those of unit " + u + " begin");
        }
        freshGradients.get(u).begin();
        gradientsOf[place] = u;
        left[u] = units.get(u).parameters().all().size();
    }

    @Override
    public void afterBackward(List<Parameter> parameters) {
        for (Parameter parameter : parameters) {
            int u = unitOf.get(parameter);
            FreshGradients.complete(kernels, parameter);
            model.completeGradient(parameter);
            if (--left[u] == 0) {
                reduce(u);
            }
        }
    }

    /** The first sum of a step is the owner's, the others are added to it. */
    private void reduce(int u) {
        Unit unit = units.get(u);
        Tensor whole = unit.parameters().gradient();
        int place = unit.gradientPlace();
        adding[place] = summed[u];
        Tensor sum = summed[u] ? own(whole, unit) : unit.gradients();
        summed[u] = true;
        if (background == null) {
            data.reduceScatter(whole, sum, Reduction.SUM);
        } else {
            reducing[place] = background.reduceScatter(whole, sum, Reduction.SUM);
        }
        if (background == null || !overlap.reduces()) {
            finishReduction(place);
        }
    }

    /** What has come of the gradients in a place, if any are on their way or have come, is in the owner's sum. */
    private void finishReduction(int place) {
        int u = gradientsOf[place];
        if (u == NOBODY || left[u] > 0) {
            return;
        }
        if (reducing[place] != null) {
            reducing[place].await();
            reducing[place] = null;
        }
        if (adding[place]) {
            Unit unit = units.get(u);
            kernels.add(table(unit.gradients()), table(own(unit.parameters().gradient(), unit)), table(unit.gradients()));
        }
        gradientsOf[place] = NOBODY;
    }

    /** Returns when gradients of all passes are with their owners; those of units that had none are zero. */
    void gradientsSettle() {
        settle();
        for (int u = 0; u < summed.length; u++) {
            if (!summed[u]) {
                kernels.fill(units.get(u).gradients(), 0);
            }
        }
    }

    /** Returns when nothing is on its way. */
    void settle() {
        for (int u = 0; u < gathering.length; u++) {
            arrive(u);
        }
        for (int place = 0; place < reducing.length; place++) {
            finishReduction(place);
        }
    }

    /** Owners have other values now. */
    void valuesChanged() {
        settle();
        Arrays.fill(fresh, false);
    }

    /** The step is over: owners have updated their values. Where values stay on all ranks they are sent round at once. */
    void updated() {
        order.end();
        valuesChanged();
        if (resident && overlap.gathers() && background != null) {
            for (int u = 0; u < units.size(); u++) {
                startGathering(u);
            }
        }
    }

    /** Bytes of the places. */
    long placesBytes() {
        long bytes = 0;
        for (int place = 0; place < valuesOf.length; place++) {
            int here = place;
            bytes += resident ? 0 : units.stream().filter(unit -> unit.valuePlace() == here).mapToLong(unit -> unit.parameters().value().sizeBytes()).max().orElse(0);
            bytes += units.stream().filter(unit -> unit.gradientPlace() == here).mapToLong(unit -> unit.parameters().gradient().sizeBytes()).max().orElse(0);
        }
        return bytes + (resident ? units.stream().mapToLong(unit -> unit.parameters().value().sizeBytes()).sum() : 0);
    }
}
