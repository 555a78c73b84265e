package ai.sparktron.trainer.parallel.schedule;

/**
 * Chunks of layers dealt to stages in turn: chunk c of stage s is the (c * stages + s)-th stretch of the model (arXiv 2104.04473, section 2.2). One chunk a stage
 * is the plain pipeline.
 *
 * @param stages {@code pipeline_model_parallel_size}
 * @param chunks {@code virtual_pipeline_model_parallel_size}: chunks of layers of each stage
 * @param group  {@code microbatch_group_size_per_vp_stage}: micro-batches that follow one another on a chunk before the next chunk's turn
 */
public record Pipeline(int stages, int chunks, int group) {

    public Pipeline {
        if (stages < 1 || chunks < 1) {
            throw new IllegalArgumentException("pipeline of " + stages + " stages of " + chunks + " chunks: expected at least 1 of each");
        }
        if (stages == 1 && chunks > 1) {
            throw new IllegalArgumentException("--virtual_pipeline_model_parallel_size " + chunks
                    + " (or --num_layers_per_virtual_pipeline_stage) needs --pipeline_model_parallel_size above 1");
        }
        if (group < stages) {
            throw new IllegalArgumentException("--microbatch_group_size_per_vp_stage " + group + " is below --pipeline_model_parallel_size " + stages
                    + ": a chunk's next micro-batch would wait for the stages behind; take at least " + stages + ", or leave it out");
        }
    }

    /** One chunk a stage. */
    public static Pipeline plain(int stages) {
        return new Pipeline(stages, 1, stages);
    }

    /** All layers on one rank. */
    public static Pipeline none() {
        return plain(1);
    }

    /** Place of a chunk among all stretches of the model. */
    int place(int stage, int chunk) {
        return chunk * stages + stage;
    }

    boolean isFirst(int stage, int chunk) {
        return place(stage, chunk) == 0;
    }

    boolean isLast(int stage, int chunk) {
        return place(stage, chunk) == stages * chunks - 1;
    }

    int stageBefore(int stage) {
        return (stage + stages - 1) % stages;
    }

    int stageBehind(int stage) {
        return (stage + 1) % stages;
    }

    /** Messages of one direction to one stage that may be under way before the first of them is received. With larger groups more are sent before they are needed. */
    public int messagesAhead() {
        return group - stages;
    }

    /**
     * Interleaving stalls for ever on a short last group: backward of its micro-batches would wait for forwards that come after it.
     *
     * @param microBatches of a step on each data rank
     * @throws IllegalArgumentException when they cannot be trained on
     */
    public void requireTrainable(int microBatches) {
        int rest = microBatches % group;
        if (chunks > 1 && microBatches > group && rest > 0 && rest < stages) {
            throw new IllegalArgumentException("--virtual_pipeline_model_parallel_size " + chunks + " with " + microBatches + " micro-batches a step (--global_batch_size"
                    + " / --micro_batch_size / data-parallel size) leaves " + rest + " of them after groups of --microbatch_group_size_per_vp_stage " + group
                    + ", fewer than --pipeline_model_parallel_size " + stages + ": make them a multiple of " + group + ", or the rest at least " + stages);
        }
    }
}
