package ai.sparktron.trainer.optimizer;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.EngineNumbers;
import ai.sparktron.trainer.kernels.StoredNumbers;
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

    private final Engine engine;
    private final Settings settings;
    private final OwnRange own;
    private final Tensor moment;
    private final List<FlatRange> ranges;
    private long steps;

    /**
     * Parameters as of {@link AdamW#AdamW}.
     *
     * @param own its main weights are float32
     */
    public Sgd(Engine engine, Settings settings, OwnRange own, List<FlatRange> ranges, Arena.Frame frame) {
        this.engine = engine;
        this.settings = settings;
        this.own = own;
        long size = own.value().elements();
        this.ranges = ranges.stream().map(range -> range.within(own.base(), own.base() + size)).filter(range -> range.size() > 0).toList();
        this.moment = frame.tensor("momentum_buffer", DType.F32, size);
        engine.kernels().fill(moment, 0);
    }

    @Override
    public void step(float learningRate, Tensor factor) {
        steps++;
        for (FlatRange range : ranges) {
            long from = range.from() - own.base();
            OwnRange part = own.part(from, range.size());
            boolean apart = part.main() != null;
            engine.kernels().sgd(learningRate, settings.momentum(), range.decay() ? settings.weightDecay() : 0,
                    apart ? part.main().elements() : part.value(), part.gradient(), factor, moment.rows(from, range.size()), apart ? part.value() : null);
        }
    }

    @Override
    public long steps() {
        return steps;
    }

    @Override
    public Map<String, StoredNumbers> state() {
        return Map.of("momentum_buffer", EngineNumbers.of(engine, moment));
    }

    @Override
    public void restore(long steps) {
        this.steps = steps;
    }
}
