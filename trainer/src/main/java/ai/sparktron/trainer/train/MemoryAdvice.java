package ai.sparktron.trainer.train;

import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.config.RecomputeOptions;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.train.metrics.Figures;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What the memory of a rank goes to, and which options would free how much of it: each is tried by running a step's code over memory that is not there
 * ({@link RankMeasurement}), so the figures are those of this model on this grid.
 */
final class MemoryAdvice {

    private static final int MOST_NAMED = 6;
    /** Less than this share of the whole is not worth an option. */
    private static final double LEAST = 0.02;

    private final Options options;
    private final ModelConfig config;
    private final int rank;
    private final int ranks;
    private final int rowTokens;

    /** @param rowTokens of the longest row */
    MemoryAdvice(Options options, ModelConfig config, int rank, int ranks, int rowTokens) {
        this.options = options;
        this.config = config;
        this.rank = rank;
        this.ranks = ranks;
        this.rowTokens = rowTokens;
    }

    /** Two sentences. */
    String text() {
        MemoryUse use = measure(options);
        List<Saving> savings = new ArrayList<>();
        for (Map<String, String> change : changes()) {
            try {
                long freed = use.total() - measure(options.with(change)).total();
                if (freed > LEAST * use.total()) {
                    savings.add(new Saving(change, freed));
                }
            } catch (IllegalArgumentException doesNotFit) {
                continue; // An option that does not go with this run's others is no advice.
            }
        }
        savings.sort(Comparator.comparingLong(Saving::freed).reversed());
        return "A step of rank " + rank + " of " + ranks + " takes " + Figures.bytes(use.total()) + " at its peak: " + parts(use) + ". " + (savings.isEmpty()
                ? "No option frees much of it: use a smaller model, more ranks or larger GPUs" : "Each of these alone would free of it: "
                + savings.stream().limit(MOST_NAMED).map(Saving::text).collect(Collectors.joining("; ")));
    }

    /** An option with what it needs. */
    private record Saving(Map<String, String> change, long freed) {
        String text() {
            return change.entrySet().stream().map(option -> "--" + option.getKey() + " " + option.getValue()).collect(Collectors.joining(" ")) + ": "
                    + Figures.bytes(freed);
        }
    }

    private MemoryUse measure(Options tried) {
        return RankMeasurement.of(tried, RankMeasurement.Subject.of(tried, config, rowTokens), rank, ranks).memory();
    }

    private static String parts(MemoryUse use) {
        Map<String, Long> parts = new LinkedHashMap<>();
        parts.put("weights", use.weights());
        parts.put("gradients", use.gradients());
        parts.put("optimizer state", use.optimizer());
        parts.put("activations", use.activations());
        parts.put("logits", use.logits());
        parts.put("copies for other ranks", use.exchanged());
        parts.put("tables and scratch", use.tables() + use.scratch());
        return parts.entrySet().stream().filter(part -> part.getValue() > 0).map(part -> part.getKey() + " " + Figures.bytes(part.getValue()))
                .collect(Collectors.joining(", "));
    }

    /** What saves memory and is not asked for yet, with the options that each needs. */
    private List<Map<String, String>> changes() {
        List<Map<String, String>> changes = new ArrayList<>();
        int rows = options.training().microBatchSize();
        if (rows > 1) {
            changes.add(Map.of("micro_batch_size", "" + (rows % 2 == 0 ? rows / 2 : 1)));
        }
        if (options.recompute().recomputeGranularity() != RecomputeOptions.Granularity.FULL) {
            changes.add(inOrder("recompute_granularity", "full", "recompute_method", "uniform", "recompute_num_layers", "1"));
        }
        changes.add(Map.of("bf16", "true"));
        changes.add(Map.of("use_distributed_optimizer", "true"));
        changes.add(Map.of("use_megatron_fsdp", "true"));
        changes.add(inOrder("use_precision_aware_optimizer", "true", "main_grads_dtype", "bf16"));
        changes.add(inOrder("use_precision_aware_optimizer", "true", "main_params_dtype", "bf16"));
        changes.add(inOrder("use_precision_aware_optimizer", "true", "exp_avg_dtype", "bf16", "exp_avg_sq_dtype", "bf16"));
        changes.add(inOrder("use_precision_aware_optimizer", "true", "optimizer_cpu_offload", "true"));
        if (options.parallel().tensorModelParallelSize() > 1) {
            changes.add(Map.of("sequence_parallel", "true"));
        }
        return changes;
    }

    private static Map<String, String> inOrder(String... namesAndValues) {
        Map<String, String> change = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            change.put(namesAndValues[i], namesAndValues[i + 1]);
        }
        return change;
    }
}
