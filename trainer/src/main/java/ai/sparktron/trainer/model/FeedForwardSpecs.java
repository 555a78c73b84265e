package ai.sparktron.trainer.model;

import ai.sparktron.trainer.model.Dim.Kind;
import ai.sparktron.trainer.model.SpecMaker.Scale;
import java.util.ArrayList;
import java.util.List;

/** Parameters of a layer's feed-forward or mixture of experts, with the norm before it. */
final class FeedForwardSpecs {

    private final ModelConfig config;
    private final SpecMaker make;

    FeedForwardSpecs(ModelConfig config) {
        this.config = config;
        this.make = new SpecMaker(config);
    }

    /** @param theirs {@code model.layers.N.} */
    List<ParameterSpec> of(int layer, String ours, String theirs) {
        List<ParameterSpec> specs = new ArrayList<>();
        specs.add(make.norm(ours + (config.hasExperts(layer) ? "pre_mlp_layernorm.weight" : "mlp.linear_fc1.layer_norm_weight"),
                theirs + "post_attention_layernorm.weight", make.embed()));
        specs.addAll(config.hasExperts(layer) ? experts(ours + "mlp.", theirs, config.experts())
                : feedForward(ours + "mlp.", theirs + "mlp.", Dim.of(Kind.FFN, config.ffnSize()), config.mlpBias()));
        return specs;
    }

    private List<ParameterSpec> feedForward(String ours, String theirs, Dim ffn, boolean biases) {
        List<ParameterSpec> specs = new ArrayList<>();
        specs.add(ParameterSpec.of(ours + "linear_fc1.weight", make.matrix(theirs + "gate_proj.weight", ffn, make.embed(), Scale.PLAIN),
                make.matrix(theirs + "up_proj.weight", ffn, make.embed(), Scale.PLAIN)));
        if (biases) {
            specs.add(ParameterSpec.of(ours + "linear_fc1.bias", make.bias(theirs + "gate_proj.bias", ffn), make.bias(theirs + "up_proj.bias", ffn)));
        }
        specs.add(ParameterSpec.of(ours + "linear_fc2.weight", make.matrix(theirs + "down_proj.weight", make.embed(), ffn, Scale.RESIDUAL)));
        if (biases) {
            specs.add(ParameterSpec.of(ours + "linear_fc2.bias", make.bias(theirs + "down_proj.bias", make.embed())));
        }
        return specs;
    }

    /** The experts' matrices lie one below the other, an expert's gate above its up projection. */
    private List<ParameterSpec> experts(String ours, String theirs, ExpertsConfig experts) {
        ExpertNames names = config.family().experts().names();
        String module = theirs + names.module() + ".";
        Dim all = Dim.of(Kind.EXPERTS, experts.experts());
        List<ParameterSpec> specs = new ArrayList<>();
        specs.add(ParameterSpec.of(ours + "router.weight", make.matrix(module + "gate.weight", all, make.embed(), Scale.PLAIN)));
        if (experts.router().selection()) {
            specs.add(ParameterSpec.buffer(ours + "router.expert_bias", make.bias(module + "gate.e_score_correction_bias", all)));
        }
        Dim ffn = Dim.of(Kind.EXPERT_FFN, experts.ffnSize());
        List<TensorSpec> gateUp = new ArrayList<>();
        List<TensorSpec> down = new ArrayList<>();
        for (int e = 0; e < experts.experts(); e++) {
            String prefix = module + "experts." + e + ".";
            TensorSpec.Expert expert = new TensorSpec.Expert(e, experts.experts());
            gateUp.add(make.matrix(prefix + names.gate() + ".weight", ffn, make.embed(), Scale.PLAIN, expert));
            gateUp.add(make.matrix(prefix + names.up() + ".weight", ffn, make.embed(), Scale.PLAIN, expert));
            down.add(make.matrix(prefix + names.down() + ".weight", make.embed(), ffn, Scale.RESIDUAL, expert));
        }
        specs.add(ParameterSpec.of(ours + "experts.linear_fc1.weight", gateUp.toArray(TensorSpec[]::new)));
        specs.add(ParameterSpec.of(ours + "experts.linear_fc2.weight", down.toArray(TensorSpec[]::new)));
        if (experts.sharedSize() > 0) {
            specs.addAll(feedForward(ours + "shared_experts.", module + names.shared() + ".", Dim.of(Kind.FFN, experts.sharedSize()), false));
        }
        if (experts.sharedGate()) {
            specs.add(ParameterSpec.of(ours + "shared_experts.gate_weight",
                    make.matrix(module + "shared_expert_gate.weight", Dim.of(Kind.EXPERTS, 1), make.embed(), Scale.PLAIN)));
        }
        return specs;
    }
}
