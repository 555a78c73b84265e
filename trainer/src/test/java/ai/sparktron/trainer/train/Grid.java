package ai.sparktron.trainer.train;

import java.util.ArrayList;
import java.util.List;

/**
 * A grid of ranks for tests.
 *
 * @param tensor   ranks that share each layer's weights
 * @param sequence whether these share tokens outside of regions too
 * @param stages   pipeline stages
 * @param chunks   chunks of layers of each stage
 * @param context  ranks that share a row's tokens
 * @param data     replicas
 * @param exchange {@code cp_comm_type}
 * @param sharing  what ranks of the data and context axes share out
 * @param experts  how a stage's ranks share experts
 * @param layout   {@code pipeline_model_parallel_layout}, empty for as many layers in each chunk
 */
record Grid(int tensor, boolean sequence, int stages, int chunks, int context, int data, String exchange, Sharing sharing, Experts experts, String layout) {

    /**
     * A stage's ranks folded anew.
     *
     * @param parts      ranks that the experts are dealt to
     * @param cut        ranks that share each expert's weights
     * @param dispatcher {@code moe_token_dispatcher_type}
     */
    record Experts(int parts, int cut, String dispatcher) {
        static final Experts WHOLE = new Experts(1, 1, "alltoall");
    }

    /** All experts on each rank. */
    Grid(int tensor, boolean sequence, int stages, int chunks, int context, int data, String exchange, Sharing sharing) {
        this(tensor, sequence, stages, chunks, context, data, exchange, sharing, Experts.WHOLE, "");
    }

    Grid with(Experts dealt) {
        return new Grid(tensor, sequence, stages, chunks, context, data, exchange, sharing, dealt, layout);
    }

    /** With stretches of layers as the text says; it has as many as there are chunks of all stages. */
    Grid laidOut(String text) {
        return new Grid(tensor, sequence, stages, chunks, context, data, exchange, sharing, experts, text);
    }

    /** What data-parallel ranks share, and when it travels. */
    enum Sharing {
        REPLICAS("--use_distributed_optimizer", "false"),
        OPTIMIZER("--use_distributed_optimizer", "true"),
        OPTIMIZER_IN_BUCKETS("--use_distributed_optimizer", "true", "--overlap_grad_reduce", "true", "--overlap_param_gather", "true", "--ddp_bucket_size", "600"),
        GRADIENTS("--use_megatron_fsdp", "true", "--data_parallel_sharding_strategy", "optim_grads"),
        MODEL("--use_megatron_fsdp", "true"),
        GRADIENTS_OVERLAPPED("--use_megatron_fsdp", "true", "--data_parallel_sharding_strategy", "optim_grads", "--overlap_grad_reduce", "true",
                "--overlap_param_gather", "true"),
        MODEL_OVERLAPPED("--use_megatron_fsdp", "true", "--overlap_grad_reduce", "true", "--overlap_param_gather", "true");

        private final List<String> words;

        Sharing(String... words) {
            this.words = List.of(words);
        }
    }

    static final Grid ONE_RANK = new Grid(1, false, 1, 1, 1, 1, "p2p", Sharing.REPLICAS);

    int ranks() {
        return tensor * stages * context * data;
    }

    /** The options that ask for it. */
    List<String> words() {
        List<String> words = new ArrayList<>(List.of("--num_ranks", "" + ranks(), "--tensor_model_parallel_size", "" + tensor, "--sequence_parallel", "" + sequence,
                "--pipeline_model_parallel_size", "" + stages, "--context_parallel_size", "" + context, "--cp_comm_type", exchange));
        if (!layout.isEmpty()) {
            words.addAll(List.of("--pipeline_model_parallel_layout", layout));
        } else if (chunks > 1) {
            words.addAll(List.of("--virtual_pipeline_model_parallel_size", "" + chunks));
        }
        words.addAll(List.of("--expert_model_parallel_size", "" + experts.parts(), "--expert_tensor_parallel_size", "" + experts.cut(), "--moe_token_dispatcher_type",
                experts.dispatcher()));
        words.addAll(sharing.words);
        return words;
    }

    @Override
    public String toString() {
        return "TP" + tensor + (sequence ? "+SP" : "") + " x PP" + stages + (chunks > 1 ? "x" + chunks : "") + layout + " x CP" + context + (context > 1 ? " " + exchange : "") + " x DP"
                + data + " " + sharing + (experts.equals(Experts.WHOLE) ? "" : " " + experts);
    }
}
