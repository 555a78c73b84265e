package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.RouterPenalty;
import ai.sparktron.trainer.kernels.RoutingRule;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/** Chooses the experts of each token and weighs them. */
final class Router {

    private final ScoreLinear scores;
    private final Parameter bias;
    private final RoutingRule rule;

    /**
     * @param weight [E, D]
     * @param bias   float32 [E] added for choosing; null = none
     */
    Router(Parameter weight, Parameter bias, RoutingRule rule) {
        this.scores = new ScoreLinear(weight);
        this.bias = bias;
        this.rule = rule;
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
     */
    record Routed(Tensor logits, Tensor ids, Tensor weights) {
    }

    /** @param slot gives what is returned */
    Routed forward(Tensor x, Saved.Slot slot, Pass pass) {
        DType type = ScoreLinear.type(x);
        Tensor logits = slot.tensor("router.logits", type, x.rows(), rule.experts());
        Tensor ids = slot.tensor("router.ids", DType.I32, x.rows(), rule.chosen());
        Tensor weights = slot.tensor("router.weights", type, x.rows(), rule.chosen());
        scores.forward(x, logits, pass);
        pass.kernels().experts().route(logits, bias == null ? null : bias.value(), null, rule, ids, weights);
        return new Routed(logits, ids, weights);
    }

    /**
     * From the weights' gradient to that of the logits, which takes the logits' place, and of the router's weight.
     *
     * @param dWeights [T, k]
     * @param x        the input of forward
     */
    void backward(Tensor dWeights, Routed routed, Tensor x, Pass pass) {
        pass.kernels().experts().routeGrad(dWeights, routed.logits(), routed.ids(), rule, RouterPenalty.none(), routed.logits());
        scores.parameterGrad(routed.logits(), x, pass);
    }

    /** dx [T, D] += the gradient of the input, once {@link #backward} has run. */
    void inputGrad(Routed routed, Tensor dx, Pass pass) {
        scores.inputGrad(routed.logits(), dx, pass);
    }
}
