package ai.sparktron.trainer.model;

import ai.sparktron.trainer.model.Dim.Kind;
import ai.sparktron.trainer.model.SpecMaker.Scale;
import java.util.ArrayList;
import java.util.List;

/**
 * Parameters of a decoder of any family: Megatron's names, and the Hugging Face tensors each is made of.
 *
 * <p>Random weights are Megatron's: normal with deviation {@code initializer_range}, the projections that write to the residual stream divided by
 * sqrt(2 L); norms are 1, biases 0.
 */
public final class DecoderSpecs {

    /** What the names of the embedding's parameters begin with. */
    public static final String EMBEDDING_MODULE = "embedding.";
    /** Name of the embedding, which is also the head of tied models. */
    public static final String EMBEDDING = EMBEDDING_MODULE + "word_embeddings.weight";
    public static final String FINAL_NORM = "decoder.final_layernorm.weight";
    /** What the names of the head's parameters begin with, where it has its own. */
    public static final String HEAD_MODULE = "output_layer.";
    public static final String HEAD = HEAD_MODULE + "weight";

    /** What the names of parameters of layers that predict tokens further on begin with. */
    public static final String PREDICTION_MODULE = "mtp.layers.";
    /** Tensor of a head that gives one number of a token. */
    public static final String SCORE = "score.weight";

    private DecoderSpecs() {
    }

    /** All parameters, in the order of the model. */
    public static List<ParameterSpec> of(ModelConfig config) {
        return of(config, ModelPart.whole(config));
    }

    /** The parameters of several parts; the embedding first, also where it is the head of tied models alone, so that both its holders keep it at the same place. */
    public static List<ParameterSpec> of(ModelConfig config, List<ModelPart> parts) {
        List<ParameterSpec> all = new ArrayList<>();
        for (ModelPart part : parts) {
            for (ParameterSpec spec : of(config, part)) {
                all.add(spec.name().equals(EMBEDDING) ? 0 : all.size(), spec);
            }
        }
        return List.copyOf(all);
    }

    /** The parameters of one part of the model. */
    public static List<ParameterSpec> of(ModelConfig config, ModelPart part) {
        SpecMaker make = new SpecMaker(config);
        Dim vocabulary = Dim.of(Kind.VOCAB, config.vocabularySize());
        AttentionSpecs attention = new AttentionSpecs(config);
        FeedForwardSpecs feedForward = new FeedForwardSpecs(config);
        List<ParameterSpec> all = new ArrayList<>();
        boolean copied = part.hasHead() && config.lastStageEmbeds();
        if (part.hasEmbedding() || copied) {
            all.add(ParameterSpec.of(EMBEDDING, make.matrix("model.embed_tokens.weight", vocabulary, make.embed(), Scale.PLAIN)));
        }
        for (int layer = part.firstLayer(); layer < part.firstLayer() + part.layers(); layer++) {
            String theirs = "model.layers." + layer + ".";
            all.addAll(attention.of(layer(layer), theirs));
            all.addAll(feedForward.of(layer, layer(layer), theirs));
        }
        if (part.hasHead()) {
            all.add(make.norm(FINAL_NORM, "model.norm.weight", make.embed()));
            if (config.scores()) {
                all.add(ParameterSpec.of(HEAD, make.matrix(SCORE, Dim.of(Kind.SCORES, 1), make.embed(), Scale.PLAIN)));
            } else if (!config.tiedEmbeddings()) {
                all.add(ParameterSpec.of(HEAD, make.matrix("lm_head.weight", vocabulary, make.embed(), Scale.PLAIN)));
            }
            for (int layer = config.layers(); layer < config.layers() + config.prediction().layers(); layer++) {
                String theirs = "model.layers." + layer + ".";
                String ours = prediction(layer - config.layers());
                all.add(make.norm(ours + "enorm.weight", theirs + "enorm.weight", make.embed()));
                all.add(make.norm(ours + "hnorm.weight", theirs + "hnorm.weight", make.embed()));
                all.add(ParameterSpec.of(ours + "eh_proj.weight",
                        make.matrix(theirs + "eh_proj.weight", make.embed(), Dim.of(Kind.EMBED, 2L * config.hiddenSize()), Scale.PLAIN)));
                all.addAll(attention.of(block(config, layer), theirs));
                all.addAll(feedForward.of(layer, block(config, layer), theirs));
                all.add(make.norm(ours + "final_layernorm.weight", theirs + "shared_head.norm.weight", make.embed()));
            }
        }
        return List.copyOf(all);
    }

    /** Prefix of Megatron's names of a layer that predicts tokens further on. @param index from 0 */
    public static String prediction(int index) {
        return PREDICTION_MODULE + index + ".";
    }

    /** Prefix of Megatron's names of the transformer block of a layer, those behind the last one that predict further tokens counted on. */
    public static String block(ModelConfig config, int layer) {
        return layer < config.layers() ? layer(layer) : prediction(layer - config.layers()) + "transformer_layer.";
    }

    /** The table or matrix that files hold again in a layer that predicts further tokens, by the end of its name there; null = none. */
    public static ParameterSpec sharedBy(ModelConfig config, String name) {
        boolean embeds = name.endsWith(".embed_tokens.weight");
        boolean isHead = name.endsWith(".shared_head.head.weight");
        String shared = embeds || isHead && config.tiedEmbeddings() ? EMBEDDING : isHead ? HEAD : "";
        return of(config).stream().filter(spec -> spec.name().equals(shared)).findFirst().orElse(null);
    }

    /** Prefix of Megatron's names of a layer. */
    public static String layer(int index) {
        return "decoder.layers." + index + ".";
    }
}
