package ai.sparktron.trainer.optimizer;

import ai.sparktron.trainer.kernels.AdamWStep;
import ai.sparktron.trainer.kernels.AdamWTensors;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** AdamW (arXiv 1711.05101), Megatron {@code --optimizer adam}: decoupled decay on matrices only, moments in float32. */
public final class AdamW implements Optimizer {

    /**
     * @param beta1       {@code adam_beta1}
     * @param beta2       {@code adam_beta2}
     * @param epsilon     {@code adam_eps}
     * @param weightDecay {@code weight_decay}
     */
    public record Settings(float beta1, float beta2, float epsilon, float weightDecay) {
    }

    private final Kernels kernels;
    private final Settings settings;
    private final Tensor value;
    private final Tensor gradient;
    private final Tensor firstMoment;
    private final Tensor secondMoment;
    private final List<FlatRange> ranges;
    private final long base;
    private long steps;

    /**
     * @param value    float32 [n]: the range of the flat buffer to update, element 0 being flat element {@code base}
     * @param gradient float32 [n], the same range
     * @param ranges   what is decayed, in flat elements; parts outside the range are left alone
     * @param frame    gives the moments, which start at zero; must outlive this optimizer
     */
    public AdamW(Kernels kernels, Settings settings, Tensor value, Tensor gradient, long base, List<FlatRange> ranges, Arena.Frame frame) {
        this.kernels = kernels;
        this.settings = settings;
        this.value = value;
        this.gradient = gradient;
        this.base = base;
        this.ranges = ranges.stream().map(range -> range.within(base, base + value.elements())).filter(range -> range.size() > 0).toList();
        this.firstMoment = frame.tensor("exp_avg", DType.F32, value.elements());
        this.secondMoment = frame.tensor("exp_avg_sq", DType.F32, value.elements());
        kernels.fill(firstMoment, 0);
        kernels.fill(secondMoment, 0);
    }

    @Override
    public void step(float learningRate, Tensor gradientScale) {
        steps++;
        for (FlatRange range : ranges) {
            AdamWStep step = new AdamWStep(learningRate, settings.beta1(), settings.beta2(), settings.epsilon(),
                    range.decay() ? settings.weightDecay() : 0, steps);
            long from = range.from() - base;
            kernels.adamW(step, AdamWTensors.float32(value.rows(from, range.size()), firstMoment.rows(from, range.size()),
                    secondMoment.rows(from, range.size())), gradient.rows(from, range.size()), gradientScale);
        }
    }

    @Override
    public long steps() {
        return steps;
    }

    @Override
    public Map<String, Tensor> state() {
        Map<String, Tensor> state = new LinkedHashMap<>();
        state.put("exp_avg", firstMoment);
        state.put("exp_avg_sq", secondMoment);
        return state;
    }

    @Override
    public void restore(long steps) {
        this.steps = steps;
    }
}
