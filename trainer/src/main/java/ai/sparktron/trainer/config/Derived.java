package ai.sparktron.trainer.config;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What follows from the options, in one place. Printed with the effective options.
 *
 * @param numRanks trainers
 * @param dataParallelSize ranks that work on different samples: numRanks / (TP x PP x CP)
 * @param gradientAccumulationSteps micro-batches of one rank in a step: global_batch_size / (micro_batch_size x DP)
 * @param lr peak learning rate
 * @param evalInterval steps between evaluations
 * @param rowLength most tokens of a row, where the options say it; else the model does
 * @param collectiveTimeoutSeconds limit of one collective
 * @param save directory of the run before its version is added
 */
public record Derived(
        int numRanks,
        int dataParallelSize,
        int gradientAccumulationSteps,
        double lr,
        long evalInterval,
        Optional<Integer> rowLength,
        double collectiveTimeoutSeconds,
        Path save) {

    private static final double FULL_LR = 1e-5;
    private static final double LORA_LR = 1e-4;
    private static final double COLLECTIVE_TIMEOUT_SECONDS = 600;

    /** Stages times the fewest ranks of a stage that tensor x context and expert x expert tensor both divide. */
    private static int fewestRanks(ParallelOptions parallel, MoeOptions moe) {
        int dense = Math.multiplyExact(parallel.tensorModelParallelSize(), parallel.contextParallelSize());
        int fold = Math.multiplyExact(moe.expertModelParallelSize(), moe.expertTensorParallelSize());
        int stage = dense;
        while (stage % fold != 0) {
            stage = Math.addExact(stage, dense);
        }
        return Math.multiplyExact(stage, parallel.pipelineModelParallelSize());
    }

    static Derived of(Options options) {
        ParallelOptions parallel = options.parallel();
        TrainingOptions training = options.training();
        int numRanks = options.cluster().numRanks().orElseGet(() -> fewestRanks(parallel, options.moe()));
        int dataParallelSize = Math.max(1, numRanks / parallel.modelParallelSize());
        int stepSamples = Math.multiplyExact(training.microBatchSize(), dataParallelSize);
        double lr = options.learningRate().lr()
                .orElse(options.tuner().trainType() == TunerOptions.TrainType.LORA ? LORA_LR : FULL_LR);
        return new Derived(
                numRanks,
                dataParallelSize,
                Math.max(1, training.globalBatchSize() / stepSamples),
                lr,
                options.evaluation().evalInterval().orElse(options.checkpoint().saveInterval()),
                rowLength(options),
                collectiveTimeoutSeconds(options),
                Path.of(options.checkpoint().save().orElse("megatron_output/" + modelName(options))));
    }

    private static Optional<Integer> rowLength(Options options) {
        Optional<Integer> length = options.template().maxLength().or(() -> options.training().seqLength())
                .map(tokens -> options.trainsOnPairs() ? Math.multiplyExact(2, tokens) : tokens);
        return options.packing().packing() ? options.packing().packingLength().or(() -> length) : length;
    }

    private static double collectiveTimeoutSeconds(Options options) {
        return options.cluster().collectiveTimeout()
                .or(() -> options.parallel().ddpTimeout().map(Double::valueOf))
                .or(() -> options.parallel().distributedTimeoutMinutes().map(minutes -> minutes * 60.0))
                .orElse(COLLECTIVE_TIMEOUT_SECONDS);
    }

    private static String modelName(Options options) {
        String model = options.model().model().or(() -> options.checkpoint().load()).orElse("model");
        Path name = Path.of(model.replaceAll("[?*:|<>\"]", "_")).getFileName();
        return name == null ? "model" : name.toString();
    }

    /** Name and value of each, for the printout. */
    Map<String, String> printed() {
        Map<String, String> printed = new LinkedHashMap<>();
        printed.put("ranks", String.valueOf(numRanks));
        printed.put("data-parallel size", String.valueOf(dataParallelSize));
        printed.put("accumulation steps", String.valueOf(gradientAccumulationSteps));
        printed.put("peak learning rate", String.valueOf(lr));
        printed.put("steps between evaluations", String.valueOf(evalInterval));
        printed.put("tokens of a row", rowLength.map(String::valueOf).orElse("the model's longest sequence"));
        printed.put("limit of a collective", collectiveTimeoutSeconds + " s");
        printed.put("run directory", save.toString());
        return printed;
    }
}
