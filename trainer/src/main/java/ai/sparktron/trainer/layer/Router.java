package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.RouterPenalty;
import ai.sparktron.trainer.kernels.RoutingRule;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.seam.ExpertChoices;
import ai.sparktron.trainer.seam.Region;
import ai.sparktron.trainer.seam.Seams;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/** Chooses the experts of each token and weighs them. */
final class Router {

    private static final int DROPPED = -1;

    private final ScoreLinear scores;
    private final Parameter bias;
    private final RoutingRule rule;
    private final Balancing balancing;
    private final RouterBalance balance;
    private final Region region;
    private final ExpertChoices choices;

    /**
     * @param scores    to a logit for each expert
     * @param bias      float32 [E] added for choosing; null = none
     * @param balancing how many tokens an expert takes, and how they are chosen
     * @param balance   counts in training and adds to the gradient; null = neither
     * @param seams     say which tokens are here, and may say which experts these go to
     */
    Router(ScoreLinear scores, Parameter bias, RoutingRule rule, Balancing balancing, RouterBalance balance, Seams seams) {
        this.scores = scores;
        this.bias = bias;
        this.rule = rule;
        this.balancing = balancing;
        this.balance = balance;
        this.region = seams.region();
        this.choices = seams.choices();
    }

    int experts() {
        return rule.experts();
    }

    /**
     * What a token is routed by.
     *
     * @param logits  [T, E]
     * @param ids     I32 [T, k] as chosen
     * @param weights [T, k]
     * @param kept    ids, with -1 for what its expert has no room for
     */
    record Routed(Tensor logits, Tensor ids, Tensor weights, Tensor kept) {
    }

    /** @param slot gives what is returned */
    Routed forward(Tensor x, Saved.Slot slot, Pass pass) {
        DType type = ScoreLinear.type(x);
        Tensor logits = slot.tensor("router.logits", type, x.rows(), rule.experts());
        Tensor ids = slot.tensor("router.ids", DType.I32, x.rows(), rule.chosen());
        Tensor weights = slot.tensor("router.weights", type, x.rows(), rule.chosen());
        scores.forward(x, logits, own(pass, x.rows()));
        try (Arena.Frame scratch = pass.scratch().open("router")) {
            int[] given = choices.given(scores.name(), Math.toIntExact(ids.elements()));
            if (given == null) {
                boolean even = balancing.choice() == Balancing.Choice.SINKHORN && pass.isTraining();
                Tensor ranking = even ? even(logits, scratch, pass) : null;
                pass.kernels().experts().route(logits, bias == null ? null : bias.value(), ranking, rule, ids, weights);
            } else {
                pass.kernels().experts().route(logits, null, GivenExperts.ranking(given, logits, scratch, pass), rule.withoutGroups(), ids, weights);
            }
        }
        choices.chosen(scores.name(), ids, pass.engine());
        scores.round(weights, x.dtype(), pass);
        return new Routed(logits, ids, weights, balancing.capacityFactor() == 0 ? ids : limited(ids, weights, slot, pass));
    }

    /** The pass as the tokens here are named. @param rows how many they are */
    Pass own(Pass pass, long rows) {
        return pass.ofTokens(region.firstOutside(pass.tokens().tokens()), rows);
    }

    /** Ranks that share the real tokens out evenly; padding keeps its logits. */
    private Tensor even(Tensor logits, Arena.Frame scratch, Pass pass) {
        Tensor ranking = scratch.tensor("router.ranking", logits.dtype(), logits.rows(), logits.columns());
        pass.kernels().copy(logits, ranking);
        int real = realTokens(pass, logits.rows());
        if (real > 0) {
            pass.kernels().experts().sinkhorn(logits.rows(0, real), ranking.rows(0, real));
        }
        return ranking;
    }

    /** Padding takes nobody's room. */
    private Tensor limited(Tensor ids, Tensor weights, Saved.Slot slot, Pass pass) {
        Kernels kernels = pass.kernels();
        Tensor kept = slot.tensor("router.kept", DType.I32, ids.rows(), ids.columns());
        kernels.fill(kept, DROPPED);
        int real = realTokens(pass, ids.rows());
        if (real > 0) {
            int capacity = (int) Math.max(1, Math.ceil(balancing.capacityFactor() * real * rule.chosen() / rule.experts()));
            kernels.experts().limit(ids.rows(0, real), weights.rows(0, real), rule.experts(), capacity, balancing.dropPolicy(), kept.rows(0, real));
        }
        return kept;
    }

    /** Tokens here before the padding, of as many as there are rows. */
    private int realTokens(Pass pass, long rows) {
        return (int) Math.max(0, Math.min(rows, pass.batch().whole().ownTokens() - region.firstOutside(pass.tokens().tokens())));
    }

    /**
     * From the weights' gradient to that of the logits, which takes the logits' place, and of the router's weight.
     *
     * @param dWeights [T, k]
     * @param x        the input of forward
     */
    void backward(Tensor dWeights, Routed routed, Tensor x, Pass pass) {
        Tensor logits = routed.logits();
        if (balance == null) {
            pass.kernels().experts().routeGrad(dWeights, logits, routed.ids(), rule, RouterPenalty.none(), logits);
        } else {
            balancedGradient(dWeights, routed, pass);
        }
        scores.parameterGrad(logits, x, own(pass, x.rows()));
    }

    /** Padding has no gradient, and none is added. */
    private void balancedGradient(Tensor dWeights, Routed routed, Pass pass) {
        Tensor logits = routed.logits();
        int real = realTokens(pass, logits.rows());
        try (Arena.Frame scratch = pass.scratch().open("router")) {
            Tensor own = real == 0 ? null : logits.rows(0, real);
            Tensor ids = real == 0 ? null : routed.ids().rows(0, real);
            RouterPenalty penalty = balance.penalty(own, ids, scratch, pass);
            if (real > 0) {
                pass.kernels().experts().routeGrad(dWeights.rows(0, real), own, ids, rule, penalty, own);
            }
            if (real < logits.rows()) {
                pass.kernels().fill(logits.rows(real, logits.rows() - real), 0);
            }
        }
    }

    /** dx [T, D] += the gradient of the input, once {@link #backward} has run. */
    void inputGrad(Routed routed, Tensor dx, Pass pass) {
        scores.inputGrad(routed.logits(), dx, own(pass, dx.rows()));
    }
}
