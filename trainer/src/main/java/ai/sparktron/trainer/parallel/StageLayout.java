package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.model.ModelPart;
import ai.sparktron.trainer.parallel.schedule.Pipeline;
import ai.sparktron.trainer.parallel.schedule.Schedule;
import ai.sparktron.trainer.parallel.schedule.Timeline;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Which layers which pipeline stage holds.
 *
 * @param pipeline stages and their chunks
 * @param parts    [stage][chunk]
 */
public record StageLayout(Pipeline pipeline, List<List<ModelPart>> parts) {

    private static final String STAGES = "--pipeline_model_parallel_size ";
    private static final String FIRST = "--decoder_first_pipeline_num_layers ";
    private static final String LAST = "--decoder_last_pipeline_num_layers ";
    private static final String CHUNKS = "--virtual_pipeline_model_parallel_size ";
    private static final String PER_CHUNK = "--num_layers_per_virtual_pipeline_stage ";
    private static final String GROUP = "--microbatch_group_size_per_vp_stage ";
    private static final String LAYOUT = "--pipeline_model_parallel_layout ";

    public StageLayout {
        parts = parts.stream().map(List::copyOf).toList();
    }

    /**
     * Deals the layers.
     *
     * @param stages {@code pipeline_model_parallel_size}
     * @param layers of the model
     * @throws IllegalArgumentException when they cannot be dealt so; names the options and what would do
     */
    public static StageLayout of(StageSplit split, int stages, int layers) {
        requireAlone(split, stages);
        return split.layout().isPresent() ? ofText(split, stages, layers) : ofNumbers(split, stages, layers);
    }

    private static void requireAlone(StageSplit split, int stages) {
        refuseBoth(split.layout().map(text -> LAYOUT + text), split.firstLayers().map(count -> FIRST + count), split.lastLayers().map(count -> LAST + count),
                split.chunks().map(count -> CHUNKS + count), split.layersPerChunk().map(count -> PER_CHUNK + count));
        refuseBoth(split.layersPerChunk().map(count -> PER_CHUNK + count), split.chunks().map(count -> CHUNKS + count), split.firstLayers().map(count -> FIRST + count),
                split.lastLayers().map(count -> LAST + count));
        if (stages == 1) {
            refuse(split.layout().map(text -> LAYOUT + text));
            refuse(split.firstLayers().map(count -> FIRST + count));
            refuse(split.lastLayers().map(count -> LAST + count));
            refuse(split.chunks().filter(count -> count > 1).map(count -> CHUNKS + count));
            refuse(split.layersPerChunk().map(count -> PER_CHUNK + count));
        }
    }

    @SafeVarargs
    private static void refuseBoth(Optional<String> one, Optional<String>... others) {
        for (Optional<String> other : others) {
            if (one.isPresent() && other.isPresent()) {
                throw new IllegalArgumentException(one.get() + " and " + other.get() + " both say what stages hold; keep one");
            }
        }
    }

    private static void refuse(Optional<String> option) {
        option.ifPresent(given -> {
            throw new IllegalArgumentException(given + " needs " + STAGES + "above 1; raise it or leave the other out");
        });
    }

    private static StageLayout ofNumbers(StageSplit split, int stages, int layers) {
        int[] counts = layersOfStages(split, stages, layers);
        int chunks = split.layersPerChunk().map(each -> chunksOf(each, counts[0], stages)).orElse(split.chunks().orElse(1));
        for (int stage = 0; stage < stages; stage++) {
            if (counts[stage] % chunks != 0) {
                throw new IllegalArgumentException("the " + counts[stage] + " layers of stage " + stage + " of " + STAGES + stages + " do not divide over its " + CHUNKS
                        + chunks + " chunks; change one of them");
            }
        }
        Pipeline pipeline = pipeline(split, stages, chunks);
        List<List<ModelPart>> parts = empty(stages);
        int next = 0;
        for (int chunk = 0; chunk < chunks; chunk++) {
            for (int stage = 0; stage < stages; stage++) {
                int here = counts[stage] / chunks;
                boolean first = chunk == 0 && stage == 0;
                boolean last = chunk == chunks - 1 && stage == stages - 1;
                parts.get(stage).add(new ModelPart(next, here, first, last));
                next += here;
            }
        }
        return new StageLayout(pipeline, parts);
    }

    private static int chunksOf(int layersPerChunk, int layersOfStage, int stages) {
        if (layersOfStage % layersPerChunk != 0) {
            throw new IllegalArgumentException(PER_CHUNK + layersPerChunk + " does not divide the " + layersOfStage + " layers of each stage of " + STAGES + stages
                    + "; take a divisor of " + layersOfStage);
        }
        return layersOfStage / layersPerChunk;
    }

    private static int[] layersOfStages(StageSplit split, int stages, int layers) {
        int rest = layers - split.firstLayers().orElse(0) - split.lastLayers().orElse(0);
        int between = stages - (split.firstLayers().isPresent() ? 1 : 0) - (split.lastLayers().isPresent() ? 1 : 0);
        boolean divides = between == 0 ? rest == 0 : rest > 0 && rest % between == 0;
        if (!divides) {
            throw new IllegalArgumentException("the model's " + layers + " layers (num_hidden_layers) do not divide over " + STAGES + stages + ": "
                    + split.firstLayers().map(count -> FIRST + count + ", ").orElse("") + split.lastLayers().map(count -> LAST + count + ", ").orElse("")
                    + "which leaves " + rest + " for " + between + " stages; choose " + FIRST + "and " + LAST + "so that the rest divides, or another number of stages");
        }
        int[] counts = new int[stages];
        for (int stage = 0; stage < stages; stage++) {
            counts[stage] = between == 0 ? 0 : rest / between;
        }
        split.firstLayers().ifPresent(count -> counts[0] = count);
        split.lastLayers().ifPresent(count -> counts[stages - 1] = count);
        return counts;
    }

    private static Pipeline pipeline(StageSplit split, int stages, int chunks) {
        if (chunks == 1 && split.group().isPresent()) {
            throw new IllegalArgumentException(GROUP + split.group().get() + " needs " + CHUNKS + "above 1 (or " + PER_CHUNK.trim() + ", or a layout with several"
                    + " stretches a stage); leave it out");
        }
        return new Pipeline(stages, chunks, split.group().orElse(stages));
    }

    private static StageLayout ofText(StageSplit split, int stages, int layers) {
        String text = split.layout().orElseThrow();
        List<String> stretches = LayoutText.stages(text);
        require(text, stretches.size() % stages == 0, stretches.size() + " stretches between | do not divide over " + STAGES + stages);
        String all = String.join("", stretches);
        require(text, all.startsWith("E") && all.indexOf('E', 1) < 0, "there must be one E, and it must be first");
        require(text, all.endsWith("L") && all.indexOf('L') == all.length() - 1, "there must be one L, and it must be last");
        require(text, all.length() - 2 == layers, "it has " + (all.length() - 2) + " t, and the model has " + layers + " layers (num_hidden_layers)");
        int chunks = stretches.size() / stages;
        Pipeline pipeline = pipeline(split, stages, chunks);
        List<List<ModelPart>> parts = empty(stages);
        int next = 0;
        for (int place = 0; place < stretches.size(); place++) {
            int here = (int) stretches.get(place).chars().filter(letter -> letter == 't').count();
            parts.get(place % stages).add(new ModelPart(next, here, place == 0, place == stretches.size() - 1));
            next += here;
        }
        return new StageLayout(pipeline, parts);
    }

    private static void require(String text, boolean holds, String problem) {
        if (!holds) {
            throw new IllegalArgumentException(LAYOUT + text + ": " + problem);
        }
    }

    private static List<List<ModelPart>> empty(int stages) {
        List<List<ModelPart>> parts = new ArrayList<>();
        for (int stage = 0; stage < stages; stage++) {
            parts.add(new ArrayList<>());
        }
        return parts;
    }

    /** The timeline of a step: computations take as long as their chunk has layers. @param microBatches of a data rank */
    public Timeline timeline(int microBatches) {
        int[][] layers = parts.stream().map(chunks -> chunks.stream().mapToInt(ModelPart::layers).toArray()).toArray(int[][]::new);
        int unit = Arrays.stream(layers).flatMapToInt(Arrays::stream).reduce(0, StageLayout::commonDivisor);
        int[][] units = Arrays.stream(layers).map(chunks -> Arrays.stream(chunks).map(count -> count / unit).toArray()).toArray(int[][]::new);
        return Timeline.of(Schedule.trainingOfAll(pipeline, microBatches), Timeline.Work.ofLayers(units), Timeline.Sends.ASYNCHRONOUS);
    }

    private static int commonDivisor(int one, int other) {
        return other == 0 ? one : commonDivisor(other, one % other);
    }

    /** Layers of the chunks of each stage, for reports: {@code 4+4 | 3+3}. */
    public String text() {
        return String.join(" | ", parts.stream().map(chunks -> String.join("+", chunks.stream().map(part -> String.valueOf(part.layers())).toList())).toList());
    }
}
