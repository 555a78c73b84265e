package ai.sparktron.trainer.train;

import java.util.List;

/**
 * What tensors of the run's and the calls' arenas are for, by their names there: a name is this kind's if it is listed, or begins with a listed one and a dot. Others
 * are tables of the run, or scratch of calls.
 */
enum MemoryKind {
    WEIGHTS("parameters", "parameters of a unit", "own parameters", "fp8 weights"),
    GRADIENTS("gradients", "gradients of a unit", "own gradients"),
    OPTIMIZER("main weights", "main weights scales", "exp_avg", "exp_avg scales", "exp_avg_sq", "exp_avg_sq scales", "momentum_buffer", "element numbers"),
    LOGITS("logits"),
    EXCHANGED("whole", "keys", "tokens", "heads.by_rank", "heads.by_token", "heads.sent", "log_sum_exp.ranks");

    private final List<String> names;

    MemoryKind(String... names) {
        this.names = List.of(names);
    }

    boolean holds(String tensor) {
        return names.stream().anyMatch(name -> tensor.equals(name) || tensor.startsWith(name + "."));
    }
}
