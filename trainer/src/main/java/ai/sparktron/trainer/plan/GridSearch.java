package ai.sparktron.trainer.plan;

import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.train.MemoryUse;
import ai.sparktron.trainer.train.RankMeasurement;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Grids for a number of GPUs, tried on all cores. What the options do not allow is left out by the checks that a run itself makes, so that this class knows no
 * rules of its own. Options that the user gave are kept; of each grid the cheapest way to make it fit is taken: what is computed again costs time, and so does
 * sharing the model out.
 */
public final class GridSearch {

    private static final int MOST_CONTEXT = 16;
    /** Tokens of a chunk below which context parallelism is not worth its messages. */
    private static final int LEAST_CHUNK_TOKENS = 1024;
    /** Ranks that share experts: as many as the largest models are known to be trained with. */
    private static final int MOST_EXPERT_PARTS = 64;
    private static final double LEAST_BYTES_OF_VALUE = 2;
    private static final List<Integer> CHUNKS = List.of(1, 2, 4);

    private static final List<Map<String, String>> RECOMPUTE = List.of(Map.of(),
            Map.of("recompute_granularity", "selective", "recompute_modules", "core_attn mlp"),
            Map.of("recompute_granularity", "full", "recompute_method", "uniform", "recompute_num_layers", "1"));
    private static final List<Map<String, String>> SHARING = List.of(Map.of("use_distributed_optimizer", "true"), Map.of("use_megatron_fsdp", "true"));

    /**
     * A grid.
     *
     * @param added options that make it of the user's, in the order to show them
     * @param plan  what it takes: of stages with the same kinds of layers the first for all of them
     * @param time  of a step
     */
    public record Proposal(Map<String, String> added, GridPlan plan, StepTime time) {
    }

    /**
     * What was found.
     *
     * @param fitting  grids that fit, fastest first
     * @param smallest the grid that takes least memory, where none fits
     * @param tooLarge number of grids that take too much memory
     * @param refused  number of grids that options or model do not allow
     * @param refusal  why one of these is not allowed
     */
    public record Found(List<Proposal> fitting, Optional<Proposal> smallest, int tooLarge, int refused, Optional<String> refusal) {
    }

    private final Options options;
    private final int ranks;
    private final RankMeasurement.Subject subject;
    private final Hardware hardware;
    /** Of a parameter: value, and gradient where all are trained. */
    private final double leastBytes;
    private final double denseElements;
    private final double expertElements;

    private GridSearch(Options options, int ranks, RankMeasurement.Subject subject, Hardware hardware) {
        this.options = options;
        this.ranks = ranks;
        this.subject = subject.within(hardware.memoryBytes() - Hardware.OUTSIDE_BYTES);
        this.hardware = hardware;
        List<ParameterSpec> specs = DecoderSpecs.of(subject.config());
        this.leastBytes = subject.freezes() ? LEAST_BYTES_OF_VALUE : 2 * LEAST_BYTES_OF_VALUE;
        this.expertElements = specs.stream().filter(ParameterSpec::ofExperts).mapToDouble(ParameterSpec::elements).sum();
        this.denseElements = specs.stream().filter(spec -> !spec.ofExperts()).mapToDouble(ParameterSpec::elements).sum();
    }

    /** Tries the grids of so many ranks. */
    public static Found search(Options options, int ranks, RankMeasurement.Subject subject, Hardware hardware) {
        return new GridSearch(options, ranks, subject, hardware).search();
    }

    private Found search() {
        List<Tried> tried = sizes().parallelStream().flatMap(sizes -> fit(sizes).stream()).toList();
        List<Proposal> fitting = tried.stream().filter(one -> one.state == State.FITS).map(one -> proposal(one.options, one.plan))
                .sorted(Comparator.comparingDouble(proposal -> proposal.time().seconds())).toList();
        List<Tried> tooLarge = tried.stream().filter(one -> one.state == State.TOO_LARGE).sorted(Comparator.comparingLong(Tried::leastBytes)).toList();
        List<Tried> refused = tried.stream().filter(one -> one.state == State.REFUSED).toList();
        Optional<Proposal> smallest = fitting.isEmpty() ? tooLarge.stream().flatMap(one -> inFull(one.options).stream()).findFirst() : Optional.empty();
        return new Found(fitting, smallest, tooLarge.size(), refused.size(), refused.stream().map(Tried::refusal).findFirst());
    }

    /** A grid with all that saves memory and was not given; empty where it is refused after all. */
    private Optional<Proposal> inFull(Map<String, String> sizes) {
        Map<String, String> changed = new LinkedHashMap<>(sizes);
        changed.putAll(RECOMPUTE.get(RECOMPUTE.size() - 1));
        changed.keySet().removeIf(options::given);
        try {
            return Optional.of(proposal(changed, GridPlan.sketch(with(changed), subject.within(Long.MAX_VALUE))));
        } catch (IllegalArgumentException refused) {
            return Optional.empty();
        }
    }

    private Options with(Map<String, String> changed) {
        Map<String, String> all = new LinkedHashMap<>(changed);
        all.put("num_ranks", "" + ranks);
        return options.with(all);
    }

    private Proposal proposal(Map<String, String> changed, GridPlan plan) {
        return new Proposal(added(changed), plan, StepTime.of(plan, hardware));
    }

    private enum State { FITS, TOO_LARGE, REFUSED }

    /** One attempt. @param plan null where none was made; @param leastBytes that it takes; @param refusal why, where it is refused */
    private record Tried(Map<String, String> options, State state, GridPlan plan, long leastBytes, String refusal) {
    }

    /** Sizes of axes that multiply to the number of ranks or divide it. */
    private List<Map<String, String>> sizes() {
        int layers = subject.config().layers();
        List<Map<String, String>> all = new ArrayList<>();
        for (int tensor : choices("tensor_model_parallel_size", options.parallel().tensorModelParallelSize(), Math.min(ranks, hardware.gpusPerHost()))) {
            for (int stages : choices("pipeline_model_parallel_size", options.parallel().pipelineModelParallelSize(), Math.min(ranks, layers))) {
                for (int context : choices("context_parallel_size", options.parallel().contextParallelSize(), mostContext())) {
                    for (int chunks : CHUNKS) {
                        if (ranks % (tensor * stages * context) == 0 && (chunks == 1 || stages > 1 && layers % (stages * chunks) == 0)) {
                            all.addAll(sizes(tensor, stages, chunks, context));
                        }
                    }
                }
            }
        }
        return all;
    }

    private List<Map<String, String>> sizes(int tensor, int stages, int chunks, int context) {
        int layers = subject.config().layers();
        List<Map<String, String>> all = new ArrayList<>();
        int most = subject.config().experts() == null ? 1 : Math.min(MOST_EXPERT_PARTS, ranks / stages);
        for (int experts : choices("expert_model_parallel_size", options.moe().expertModelParallelSize(), most)) {
            Map<String, String> sizes = new LinkedHashMap<>();
            sizes.put("tensor_model_parallel_size", "" + tensor);
            sizes.put("sequence_parallel", "" + (tensor > 1));
            sizes.put("pipeline_model_parallel_size", "" + stages);
            sizes.put("context_parallel_size", "" + context);
            sizes.put("expert_model_parallel_size", "" + experts);
            if (chunks > 1) {
                sizes.put("virtual_pipeline_model_parallel_size", "" + chunks);
            }
            int lastLayers = layers - (stages - 1) * ((layers + stages - 1) / stages);
            if (layers % stages != 0 && lastLayers > 0) {
                sizes.put("decoder_last_pipeline_num_layers", "" + lastLayers);
            }
            all.add(sizes);
        }
        return all;
    }

    /** The given value, or all divisors of the number of ranks up to a limit. */
    private List<Integer> choices(String option, int value, int most) {
        return options.given(option) ? List.of(value) : IntStream.rangeClosed(1, Math.max(1, most)).filter(size -> ranks % size == 0).boxed().toList();
    }

    private int mostContext() {
        return Math.min(MOST_CONTEXT, subject.rowTokens() / (2 * LEAST_CHUNK_TOKENS));
    }

    /** Of each way to share the model, the first way to compute again with which it fits. */
    private List<Tried> fit(Map<String, String> sizes) {
        List<Tried> all = new ArrayList<>();
        Set<Map<String, String>> seen = new HashSet<>();
        for (Map<String, String> sharing : SHARING) {
            for (Map<String, String> recompute : RECOMPUTE) {
                Map<String, String> changed = new LinkedHashMap<>(sizes);
                changed.putAll(sharing);
                changed.putAll(recompute);
                changed.keySet().removeIf(options::given);
                if (!seen.add(changed)) {
                    continue;
                }
                Tried tried = attempt(changed, sharing);
                all.add(tried);
                if (tried.state == State.FITS && recompute.isEmpty()) {
                    return all; // Nothing that costs time is needed.
                }
                if (tried.state != State.TOO_LARGE || tried.leastBytes > subject.limitBytes()) {
                    break; // Computing more again is not needed, or would not help.
                }
            }
        }
        return all;
    }

    private Tried attempt(Map<String, String> changed, Map<String, String> sharing) {
        long least = sharing.containsKey("use_megatron_fsdp") || options.parallel().useMegatronFsdp() ? 0 : weightsAndGradients(changed);
        if (least > subject.limitBytes()) {
            return new Tried(changed, State.TOO_LARGE, null, least, null);
        }
        try {
            GridPlan plan = GridPlan.sketch(with(changed), subject);
            State state = plan.peakBytes() <= hardware.memoryBytes() ? State.FITS : State.TOO_LARGE;
            return new Tried(changed, state, plan, residentBytes(plan), null);
        } catch (IllegalArgumentException refused) {
            return new Tried(changed, State.REFUSED, null, 0, refused.getMessage());
        }
    }

    /** What is there however much is computed again. */
    private static long residentBytes(GridPlan plan) {
        MemoryUse most = plan.stages().get(plan.fullestStage()).memory();
        return most.weights() + most.gradients() + most.optimizer() + most.tables();
    }

    /** Of the average stage, in the smallest types: no stage of the grid that takes most takes less, and nothing has to be measured to know. */
    private long weightsAndGradients(Map<String, String> changed) {
        double stages = size(changed, "pipeline_model_parallel_size", options.parallel().pipelineModelParallelSize());
        double tensor = size(changed, "tensor_model_parallel_size", options.parallel().tensorModelParallelSize());
        double experts = size(changed, "expert_model_parallel_size", options.moe().expertModelParallelSize()) * options.moe().expertTensorParallelSize();
        return (long) ((denseElements / tensor + expertElements / experts) / stages * leastBytes);
    }

    private static int size(Map<String, String> changed, String option, int given) {
        return Optional.ofNullable(changed.get(option)).map(Integer::parseInt).orElse(given);
    }

    /** Those that differ from what the options have anyway. */
    private Map<String, String> added(Map<String, String> changed) {
        Map<String, String> added = new LinkedHashMap<>();
        changed.forEach((name, value) -> {
            if (!options.text(name).equals(value)) {
                added.put(name, value);
            }
        });
        return added;
    }
}
