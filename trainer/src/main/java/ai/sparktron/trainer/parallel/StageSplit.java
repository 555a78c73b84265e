package ai.sparktron.trainer.parallel;

import java.util.Optional;

/**
 * What options say of how layers are dealt to pipeline stages. {@link StageLayout#of} makes sense of it.
 *
 * @param firstLayers    {@code decoder_first_pipeline_num_layers}
 * @param lastLayers     {@code decoder_last_pipeline_num_layers}
 * @param chunks         {@code virtual_pipeline_model_parallel_size}
 * @param layersPerChunk {@code num_layers_per_virtual_pipeline_stage}
 * @param group          {@code microbatch_group_size_per_vp_stage}
 * @param layout         {@code pipeline_model_parallel_layout}
 */
public record StageSplit(Optional<Integer> firstLayers, Optional<Integer> lastLayers, Optional<Integer> chunks, Optional<Integer> layersPerChunk,
                         Optional<Integer> group, Optional<String> layout) {

    /** As many layers on each stage. */
    public static StageSplit even() {
        return new StageSplit(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
    }
}
