package ai.sparktron.trainer.optimizer;

import ai.sparktron.trainer.kernels.AdamWStep;
import ai.sparktron.trainer.kernels.AdamWTensors;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.EngineNumbers;
import ai.sparktron.trainer.kernels.StateTensor;
import ai.sparktron.trainer.kernels.StochasticRounding;
import ai.sparktron.trainer.kernels.StoredNumbers;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** AdamW (arXiv 1711.05101), Megatron {@code --optimizer adam}: decoupled decay on matrices only; computed in float32, kept in any of {@link AdamWTensors}' forms. */
public final class AdamW implements Optimizer {

    /**
     * @param beta1       {@code adam_beta1}
     * @param beta2       {@code adam_beta2}
     * @param epsilon     {@code adam_eps}
     * @param weightDecay {@code weight_decay}
     */
    public record Settings(float beta1, float beta2, float epsilon, float weightDecay) {
        AdamWStep step(float learningRate, boolean decays, long number) {
            return new AdamWStep(learningRate, beta1, beta2, epsilon, decays ? weightDecay : 0, number);
        }
    }

    private final Engine engine;
    private final Settings settings;
    private final OwnRange own;
    private final StateTensor firstMoment;
    private final StateTensor secondMoment;
    private final StochasticRounding rounding;
    private final List<FlatRange> ranges;
    private long steps;

    /**
     * @param own      what is updated
     * @param types    of the moments
     * @param rounding of the flat buffer's values from its element 0 on; null where {@code types} do not round by chance
     * @param ranges   what is decayed, in flat elements; parts outside of {@code own} are left alone
     * @param frame    gives the moments, which start at zero; must outlive this optimizer
     */
    public AdamW(Engine engine, Settings settings, OwnRange own, StateTypes types, StochasticRounding rounding, List<FlatRange> ranges, Arena.Frame frame) {
        this.engine = engine;
        this.settings = settings;
        this.own = own;
        this.rounding = rounding;
        long size = own.value().elements();
        this.ranges = ranges.stream().map(range -> range.within(own.base(), own.base() + size)).filter(range -> range.size() > 0).toList();
        this.firstMoment = StateTensor.allocate(frame, "exp_avg", types.firstMoment(), size);
        this.secondMoment = StateTensor.allocate(frame, "exp_avg_sq", types.secondMoment(), size);
        firstMoment.clear(engine.kernels());
        secondMoment.clear(engine.kernels());
    }

    @Override
    public void step(float learningRate, Tensor factor) {
        steps++;
        for (FlatRange range : ranges) {
            long from = range.from() - own.base();
            OwnRange part = own.part(from, range.size());
            engine.kernels().adamW(settings.step(learningRate, range.decay(), steps), new AdamWTensors(part.value(), part.main(),
                    firstMoment.rows(from, range.size()), secondMoment.rows(from, range.size()), rounding == null ? null : rounding.at(range.from())), part.gradient(), factor);
        }
    }

    @Override
    public long steps() {
        return steps;
    }

    @Override
    public Map<String, StoredNumbers> state() {
        Map<String, StoredNumbers> state = new LinkedHashMap<>();
        state.put("exp_avg", EngineNumbers.of(engine, firstMoment));
        state.put("exp_avg_sq", EngineNumbers.squares(engine, secondMoment));
        return state;
    }

    @Override
    public void restore(long steps) {
        this.steps = steps;
    }
}
