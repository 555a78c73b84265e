package ai.sparktron.trainer.optimizer;

import ai.sparktron.trainer.kernels.AdamWTensors;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.EngineNumbers;
import ai.sparktron.trainer.kernels.StateTensor;
import ai.sparktron.trainer.kernels.StochasticRounding;
import ai.sparktron.trainer.kernels.StoredNumbers;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** {@link AdamW} whose state rests on the host and visits the device for the update; the same numbers to the bit. */
public final class OffloadedAdamW implements Optimizer {

    private final Engine engine;
    private final AdamW.Settings settings;
    private final OwnRange own;
    private final AdamState state;
    private final StateConveyor conveyor;
    private final StochasticRounding rounding;
    private final List<Part> parts = new ArrayList<>();
    private long steps;

    /** A chunk of the range: its number on the conveyor, and what of it is decayed, in elements of the chunk. */
    private record Part(int chunk, long from, List<FlatRange> ranges) {
    }

    /**
     * Parameters as of {@link AdamW#AdamW}.
     *
     * @param own  made by {@link #range}
     * @param host gives the moments, which start at zero
     */
    public OffloadedAdamW(Engine engine, AdamW.Settings settings, OwnRange own, StateTypes types, StochasticRounding rounding, List<FlatRange> ranges,
                          StateConveyor conveyor, Arena.Frame host) {
        this.engine = engine;
        this.settings = settings;
        this.own = own;
        this.conveyor = conveyor;
        this.rounding = rounding;
        long size = own.value().elements();
        this.state = new AdamState(own.main(), StateTensor.allocate(host, "exp_avg", types.firstMoment(), size),
                StateTensor.allocate(host, "exp_avg_sq", types.secondMoment(), size));
        for (long from = 0; from < size; from += conveyor.chunk()) {
            long here = Math.min(conveyor.chunk(), size - from);
            long base = own.base() + from;
            List<FlatRange> inside = ranges.stream().map(range -> range.within(base, base + here)).filter(range -> range.size() > 0)
                    .map(range -> new FlatRange(range.from() - base, range.to() - base, range.decay())).toList();
            int chunk = conveyor.add(state.rows(from, here), here);
            conveyor.clearMoments(chunk, engine.kernels());
            parts.add(new Part(chunk, from, inside));
        }
    }

    /** A range whose main weights lie on the host. */
    public static OwnRange range(StateTypes types, Tensor value, Tensor gradient, long base, StateConveyor conveyor, Arena.Frame host) {
        return OwnRange.allocate(types, value, gradient, base, host).at(conveyor.store());
    }

    @Override
    public void step(float learningRate, Tensor factor) {
        steps++;
        for (Part part : parts) {
            AdamState there = conveyor.arrive(part.chunk());
            for (FlatRange range : part.ranges()) {
                AdamState rows = there.rows(range.from(), range.size());
                long from = part.from() + range.from();
                engine.kernels().adamW(settings.step(learningRate, range.decay(), steps), new AdamWTensors(own.value().rows(from, range.size()), rows.main(),
                        rows.first(), rows.second(), rounding == null ? null : rounding.at(own.base() + from)), own.gradient().rows(from, range.size()), factor);
            }
            conveyor.depart(part.chunk());
        }
    }

    @Override
    public long steps() {
        return steps;
    }

    @Override
    public Map<String, StoredNumbers> state() {
        Map<String, StoredNumbers> numbers = new LinkedHashMap<>();
        numbers.put("exp_avg", EngineNumbers.of(conveyor.store(), state.first()));
        numbers.put("exp_avg_sq", EngineNumbers.squares(conveyor.store(), state.second()));
        return numbers;
    }

    @Override
    public void restore(long steps) {
        this.steps = steps;
    }
}
