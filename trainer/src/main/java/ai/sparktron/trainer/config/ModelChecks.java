package ai.sparktron.trainer.config;

import java.util.ArrayList;
import java.util.List;

/** Options that do not fit the model; run once config.json is known. */
public final class ModelChecks {

    private ModelChecks() {
    }

    /**
     * What the checks need of a model.
     *
     * @param heads attention heads
     * @param keyValueGroups groups of heads that share keys and values
     * @param experts experts of a layer; 0 for a dense model
     * @param longestSequence max_position_embeddings
     */
    public record Shape(int heads, int keyValueGroups, int experts, int longestSequence) {
    }

    /** @throws ConfigurationException with all problems */
    public static void check(Options options, Shape model) {
        List<String> problems = new ArrayList<>();
        ParallelOptions parallel = options.parallel();
        int tensor = parallel.tensorModelParallelSize();
        require(problems, model.heads() % tensor == 0, "the model's " + model.heads() + " heads do not divide by --tensor_model_parallel_size " + tensor);
        require(problems, model.keyValueGroups() % tensor == 0,
                "the model's " + model.keyValueGroups() + " key and value groups do not divide by --tensor_model_parallel_size " + tensor);
        int dealt = tensor * parallel.contextParallelSize();
        boolean heads = parallel.contextParallelSize() > 1 && parallel.cpCommType().equals("a2a");
        require(problems, !heads || model.heads() % dealt == 0 && model.keyValueGroups() % dealt == 0, "--cp_comm_type a2a deals heads to --context_parallel_size "
                + parallel.contextParallelSize() + " x --tensor_model_parallel_size " + tensor + " ranks: the model's " + model.heads() + " heads or "
                + model.keyValueGroups() + " key and value groups do not divide by " + dealt + "; choose --cp_comm_type p2p or all_gather");
        int expert = options.moe().expertModelParallelSize();
        require(problems, expert == 1 || model.experts() > 0, "--expert_model_parallel_size " + expert + " needs a model with experts");
        require(problems, model.experts() % expert == 0, "the model's " + model.experts() + " experts do not divide by --expert_model_parallel_size " + expert);
        boolean severalToARow = options.packing().packing() || options.trainsOnPairs();
        options.derived().rowLength().ifPresent(length -> require(problems, length <= model.longestSequence() || severalToARow,
                "--max_length " + length + " is above the model's longest sequence of " + model.longestSequence()));
        options.template().maxLength().ifPresent(length -> require(problems, length <= model.longestSequence() || !severalToARow,
                "--max_length " + length + " is above the model's longest sequence of " + model.longestSequence()));
        if (!problems.isEmpty()) {
            throw new ConfigurationException(problems);
        }
    }

    private static void require(List<String> problems, boolean holds, String problem) {
        if (!holds) {
            problems.add(problem);
        }
    }
}
