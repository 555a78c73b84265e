package ai.sparktron.trainer.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Options that do not fit the model; run once config.json is known. */
public final class ModelChecks {

    private final Options options;
    private final Shape model;
    private final List<String> problems = new ArrayList<>();

    private ModelChecks(Options options, Shape model) {
        this.options = options;
        this.model = model;
    }

    /**
     * What the checks need of a model.
     *
     * @param heads attention heads
     * @param keyValueGroups groups of heads that share keys and values
     * @param longestSequence max_position_embeddings
     * @param latent whether attention is latent (kv_lora_rank)
     * @param experts experts of a layer; 0 for a dense model
     * @param idleRouter whether each token has one expert whose weight is always 1 (num_experts_per_tok 1, softmax scores, norm_topk_prob), so that no gradient of the
     *                   loss reaches the router
     */
    public record Shape(int heads, int keyValueGroups, int longestSequence, boolean latent, int experts, boolean idleRouter) {
    }

    /** @throws ConfigurationException with all problems */
    public static void check(Options options, Shape model) {
        ModelChecks checks = new ModelChecks(options, model);
        checks.heads();
        checks.experts();
        checks.recompute();
        checks.lengths();
        if (!checks.problems.isEmpty()) {
            throw new ConfigurationException(checks.problems);
        }
    }

    private void require(boolean holds, String problem) {
        if (!holds) {
            problems.add(problem);
        }
    }

    private void heads() {
        ParallelOptions parallel = options.parallel();
        int tensor = parallel.tensorModelParallelSize();
        require(model.heads() % tensor == 0, "the model's " + model.heads() + " heads (--num_attention_heads, config.json) do not divide by --tensor_model_parallel_size "
                + tensor + "; take a divisor of " + model.heads());
        require(model.keyValueGroups() % tensor == 0, "the model's " + model.keyValueGroups() + " key and value groups (--num_query_groups, num_key_value_heads in"
                + " config.json) do not divide by --tensor_model_parallel_size " + tensor + "; take a divisor of " + model.keyValueGroups());
        int dealt = tensor * parallel.contextParallelSize();
        boolean heads = parallel.contextParallelSize() > 1 && parallel.cpCommType().equals("a2a");
        require(!heads || model.heads() % dealt == 0 && model.keyValueGroups() % dealt == 0, "--cp_comm_type a2a deals heads to --context_parallel_size "
                + parallel.contextParallelSize() + " x --tensor_model_parallel_size " + tensor + " ranks: the model's " + model.heads() + " heads or "
                + model.keyValueGroups() + " key and value groups do not divide by " + dealt + "; choose --cp_comm_type p2p or all_gather");
    }

    private void experts() {
        ParallelOptions parallel = options.parallel();
        int expert = options.moe().expertModelParallelSize();
        int tensor = parallel.tensorModelParallelSize();
        require(expert == 1 || model.experts() > 0, "--expert_model_parallel_size " + expert + " needs a model with experts (num_experts in config.json); set it to 1");
        require(model.experts() % expert == 0, "the model's " + model.experts() + " experts (num_experts in config.json) do not divide by --expert_model_parallel_size "
                + expert + "; take a divisor of " + model.experts());
        require(model.experts() == 0 || tensor == 1 || parallel.sequenceParallel(), "--tensor_model_parallel_size " + tensor + " of a model with experts needs"
                + " --sequence_parallel true, else every rank would route the same tokens: give it, or --tensor_model_parallel_size 1");
        require(!model.idleRouter() || options.moe().moeRouterLoadBalancingType().contains("sinkhorn"),
                "num_experts_per_tok 1 with norm_topk_prob true and softmax scores (config.json) makes every weight 1, so the router learns nothing: set norm_topk_prob false"
                        + " where the model has the weights of --moe_router_pre_softmax true, or choose --moe_router_load_balancing_type sinkhorn");
    }

    private void recompute() {
        boolean up = options.recompute().recomputeModules().contains("mla_up_proj");
        require(!up || model.latent(), "--recompute_modules mla_up_proj needs a model with latent attention (--multi_latent_attention, kv_lora_rank in config.json); leave"
                + " mla_up_proj out");
    }

    private void lengths() {
        boolean severalToARow = options.packing().packing() || options.trainsOnPairs();
        Optional<Integer> row = options.derived().rowLength();
        Optional<Integer> sample = severalToARow ? options.template().maxLength() : row;
        sample.ifPresent(length -> require(length <= model.longestSequence(), "--max_length " + length + " is above the model's longest sequence of "
                + model.longestSequence() + " (--max_position_embeddings, config.json); lower --max_length, or stretch the positions (--rope_scaling) and raise the other"));
        int context = options.parallel().contextParallelSize();
        int together = severalToARow && options.trainsOnPairs() ? 2 * model.longestSequence() : model.longestSequence();
        require(row.isPresent() || context == 1 || together % (2 * context) == 0, "rows of the model's longest sequence of " + model.longestSequence()
                + " tokens (--max_position_embeddings, config.json) are no multiple of 2 x --context_parallel_size " + context + "; give --max_length, a multiple of "
                + 2 * context);
    }
}
