package ai.sparktron.trainer.model;

import java.util.Objects;
import java.util.Set;

/**
 * The mixture of experts of a model.
 *
 * @param experts     E
 * @param ffnSize     F of each, {@code moe_intermediate_size}
 * @param sharedSize  F of the experts that see every token, together; 0 = none
 * @param sharedGate  whether their output is multiplied by a sigmoid of the token
 * @param denseLayers layers that have a feed-forward instead
 * @param router      who gets a token
 */
public record ExpertsConfig(int experts, int ffnSize, int sharedSize, boolean sharedGate, Set<Integer> denseLayers, RouterConfig router) {

    public ExpertsConfig {
        Objects.requireNonNull(router, "router");
        denseLayers = Set.copyOf(denseLayers);
        if (experts <= 0 || ffnSize <= 0 || sharedSize < 0) {
            throw new IllegalArgumentException(experts + " experts of " + ffnSize + " columns and shared ones of " + sharedSize
                    + " together: expected the first two > 0 (config.json)");
        }
        int chosen = router.chosen();
        if (chosen <= 0 || chosen > experts) {
            throw new IllegalArgumentException("num_experts_per_tok " + chosen + " of " + experts + " experts: expected 1 to " + experts + " (config.json)");
        }
        int groups = router.groups();
        if (groups <= 0 || experts % groups != 0 || router.chosenGroups() <= 0 || router.chosenGroups() > groups) {
            throw new IllegalArgumentException(experts + " experts in n_group " + groups + " groups of which a token takes topk_group " + router.chosenGroups()
                    + ": expected groups that divide the experts, and at most all of them (config.json)");
        }
        if (router.chosenGroups() * (experts / groups) < chosen) {
            throw new IllegalArgumentException("topk_group " + router.chosenGroups() + " groups of " + experts / groups + " experts cannot give a token its "
                    + chosen + " (num_experts_per_tok, config.json)");
        }
    }

    /** The same, whose router computes in another arithmetic. */
    ExpertsConfig routedIn(RouterConfig.Arithmetic arithmetic) {
        return new ExpertsConfig(experts, ffnSize, sharedSize, sharedGate, denseLayers, router.in(arithmetic));
    }

    /** Whether a layer has experts. */
    public boolean isIn(int layer) {
        return !denseLayers.contains(layer);
    }
}
