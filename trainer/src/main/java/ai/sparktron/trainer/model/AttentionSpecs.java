package ai.sparktron.trainer.model;

import ai.sparktron.trainer.model.Dim.Kind;
import ai.sparktron.trainer.model.SpecMaker.Scale;
import java.util.ArrayList;
import java.util.List;

/** Parameters of attention, with the norm before it. */
final class AttentionSpecs {

    private static final String WEIGHT = ".weight";

    private final ModelConfig config;
    private final SpecMaker make;

    AttentionSpecs(ModelConfig config) {
        this.config = config;
        this.make = new SpecMaker(config);
    }

    /** @param theirs {@code model.layers.N.} */
    List<ParameterSpec> of(String ours, String theirs) {
        return config.latent() == null ? grouped(ours, theirs) : latent(ours, theirs, config.latent());
    }

    private Dim heads(int size) {
        return new Dim(Kind.HEADS, config.heads(), size);
    }

    private List<ParameterSpec> grouped(String ours, String theirs) {
        Dim head = Dim.of(Kind.HEAD, config.headSize());
        String own = ours + "self_attention.";
        List<ParameterSpec> specs = new ArrayList<>();
        specs.add(make.norm(own + "linear_qkv.layer_norm_weight", theirs + "input_layernorm.weight", make.embed()));
        specs.add(ParameterSpec.of(own + "linear_qkv.weight", queryKeyValue(theirs, WEIGHT)));
        if (config.qkvBias()) {
            specs.add(ParameterSpec.of(own + "linear_qkv.bias", queryKeyValue(theirs, ".bias")));
        }
        if (config.family().queryKeyNorm()) {
            specs.add(make.norm(own + "q_layernorm.weight", theirs + "self_attn.q_norm.weight", head));
            specs.add(make.norm(own + "k_layernorm.weight", theirs + "self_attn.k_norm.weight", head));
        }
        specs.addAll(output(own, theirs));
        return specs;
    }

    private List<ParameterSpec> output(String own, String theirs) {
        List<ParameterSpec> specs = new ArrayList<>();
        specs.add(ParameterSpec.of(own + "linear_proj.weight",
                make.matrix(theirs + "self_attn.o_proj.weight", make.embed(), heads(config.valueSize()), Scale.RESIDUAL)));
        if (config.outputBias()) {
            specs.add(ParameterSpec.of(own + "linear_proj.bias", make.bias(theirs + "self_attn.o_proj.bias", make.embed())));
        }
        return specs;
    }

    private TensorSpec[] queryKeyValue(String theirs, String suffix) {
        Dim keyHeads = new Dim(Kind.KV_HEADS, config.kvHeads(), config.headSize());
        String[] names = {"q_proj", "k_proj", "v_proj"};
        Dim[] rows = {heads(config.headSize()), keyHeads, keyHeads};
        TensorSpec[] parts = new TensorSpec[names.length];
        for (int i = 0; i < names.length; i++) {
            String name = theirs + "self_attn." + names[i] + suffix;
            parts[i] = suffix.equals(WEIGHT) ? make.matrix(name, rows[i], make.embed(), Scale.PLAIN) : make.bias(name, rows[i]);
        }
        return parts;
    }

    private List<ParameterSpec> latent(String ours, String theirs, LatentConfig latent) {
        String own = ours + "self_attention.";
        String attention = theirs + "self_attn.";
        Dim keyValue = Dim.of(Kind.LATENT, latent.keyValueRank());
        List<ParameterSpec> specs = new ArrayList<>();
        specs.add(make.norm(ours + "input_layernorm.weight", theirs + "input_layernorm.weight", make.embed()));
        if (latent.queryRank() == 0) {
            specs.add(ParameterSpec.of(own + "linear_q_proj.weight", make.matrix(attention + "q_proj.weight", heads(latent.headSize()), make.embed(), Scale.PLAIN)));
        } else {
            Dim query = Dim.of(Kind.LATENT, latent.queryRank());
            specs.addAll(narrow(own + "linear_q_down_proj", attention + "q_a_proj", query));
            specs.add(make.norm(own + "linear_q_up_proj.layer_norm_weight", attention + "q_a_layernorm.weight", query));
            specs.add(ParameterSpec.of(own + "linear_q_up_proj.weight", make.matrix(attention + "q_b_proj.weight", heads(latent.headSize()), query, Scale.PLAIN)));
        }
        specs.addAll(narrow(own + "linear_kv_down_proj", attention + "kv_a_proj_with_mqa", Dim.of(Kind.LATENT, latent.keyValueRank() + latent.rotarySize())));
        specs.add(make.norm(own + "linear_kv_up_proj.layer_norm_weight", attention + "kv_a_layernorm.weight", keyValue));
        specs.add(ParameterSpec.of(own + "linear_kv_up_proj.weight",
                make.matrix(attention + "kv_b_proj.weight", heads(latent.plainSize() + latent.valueSize()), keyValue, Scale.PLAIN)));
        specs.addAll(output(own, theirs));
        return specs;
    }

    /** A projection of the stream to a latent vector. */
    private List<ParameterSpec> narrow(String ours, String theirs, Dim rows) {
        List<ParameterSpec> specs = new ArrayList<>();
        specs.add(ParameterSpec.of(ours + WEIGHT, make.matrix(theirs + WEIGHT, rows, make.embed(), Scale.PLAIN)));
        if (config.qkvBias()) {
            specs.add(ParameterSpec.of(ours + ".bias", make.bias(theirs + ".bias", rows)));
        }
        return specs;
    }
}
