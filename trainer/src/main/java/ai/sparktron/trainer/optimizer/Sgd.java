package ai.sparktron.trainer.optimizer;

import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.List;
import java.util.Map;

/** Stochastic gradient descent with momentum, Megatron {@code --optimizer sgd}: decay is part of the gradient, as in PyTorch's SGD. */
public final class Sgd implements Optimizer {

    /**
     * @param momentum    {@code sgd_momentum}
     * @param weightDecay {@code weight_decay}
     */
    public record Settings(float momentum, float weightDecay) {
    }

    private final Kernels kernels;
    private final Settings settings;
    private final Tensor value;
    private final Tensor gradient;
    private final Tensor moment;
    private final List<FlatRange> ranges;
    private final long base;
    private long steps;

    /** Parameters as of {@link AdamW#AdamW}. */
    public Sgd(Kernels kernels, Settings settings, Tensor value, Tensor gradient, long base, List<FlatRange> ranges, Arena.Frame frame) {
        this.kernels = kernels;
        this.settings = settings;
        this.value = value;
        this.gradient = gradient;
        this.base = base;
        this.ranges = ranges.stream().map(range -> range.within(base, base + value.elements())).filter(range -> range.size() > 0).toList();
        this.moment = frame.tensor("momentum_buffer", DType.F32, value.elements());
        kernels.fill(moment, 0);
    }

    @Override
    public void step(float learningRate, Tensor gradientScale) {
        steps++;
        for (FlatRange range : ranges) {
            long from = range.from() - base;
            kernels.sgd(learningRate, settings.momentum(), range.decay() ? settings.weightDecay() : 0, value.rows(from, range.size()),
                    gradient.rows(from, range.size()), gradientScale, moment.rows(from, range.size()), null);
        }
    }

    @Override
    public long steps() {
        return steps;
    }

    @Override
    public Map<String, Tensor> state() {
        return Map.of("momentum_buffer", moment);
    }

    @Override
    public void restore(long steps) {
        this.steps = steps;
    }
}
