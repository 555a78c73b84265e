package ai.sparktron.trainer.config;

import java.util.Optional;

/** The learning rate over the run: linear warm-up from zero, then decay to a floor, measured in samples. */
@Concern(title = "Learning rate", commands = {Command.PT, Command.SFT, Command.RLHF, Command.PLAN})
public record LearningRateOptions(
        @Option(range = "[0,)", alias = "learning_rate", doc = "Peak rate; absent: 1e-5 for full training, 1e-4 for LoRA.")
        Optional<Double> lr,
        @Option(value = "cosine", planned = {"inverse_square_root", "wsd"}, doc = "Shape of the decay.")
        DecayStyle lrDecayStyle,
        @Option(range = "[1,)", doc = "Steps over which the rate decays; absent: train_iters.")
        Optional<Long> lrDecayIters,
        @Option(value = "0", range = "[0,)", doc = "Steps of linear warm-up from zero.")
        long lrWarmupIters,
        @Option(range = "[0,1]", alias = "warmup_ratio", doc = "Warm-up as a share of lr_decay_iters.")
        Optional<Double> lrWarmupFraction,
        @Option(value = "0", range = "[0,)", doc = "Floor of the decay.")
        double minLr) {

    /** Shapes of decay. */
    public enum DecayStyle { COSINE, LINEAR, CONSTANT, INVERSE_SQUARE_ROOT, WSD }
}
