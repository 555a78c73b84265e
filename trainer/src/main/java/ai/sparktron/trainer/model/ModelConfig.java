package ai.sparktron.trainer.model;

import ai.sparktron.trainer.tensor.DType;
import java.util.List;
import java.util.Objects;

/**
 * The shape of a model, as its {@code config.json} gives it.
 *
 * @param family           rules of its family
 * @param layers           L, {@code num_hidden_layers}
 * @param hiddenSize       D
 * @param ffnSize          F, {@code intermediate_size}
 * @param heads            H, {@code num_attention_heads}
 * @param kvHeads          G, {@code num_key_value_heads}
 * @param headSize         K of queries and keys, {@code head_dim}
 * @param vocabularySize   V
 * @param maxPositions     {@code max_position_embeddings}
 * @param normEpsilon      {@code rms_norm_eps}
 * @param rope             rotary positions
 * @param tiedEmbeddings   whether the head is the embedding
 * @param scores           whether the head gives one number of a token instead of logits: {@code ...ForSequenceClassification} with {@code num_labels} 1
 * @param qkvBias          biases of query, key and value
 * @param outputBias       bias of the attention's output projection
 * @param mlpBias          biases of the feed-forward
 * @param initializerRange deviation of random weights
 * @param slidingWindow    tokens a token sees of its document on some layer; {@link Integer#MAX_VALUE} without a window
 * @param experts          its mixture of experts; null = none
 * @param latent           its latent attention; null = grouped-query attention
 * @param mtpLayers        {@code num_nextn_predict_layers}: layers that files may have behind the last one, which predict tokens further on
 * @param prediction       which of these are trained; none unless they are asked for
 * @param dtype            type of the files' weights; of those in FP8, that of the rest
 * @param weightBlock      rows and columns of a block of weights in FP8, {@code weight_block_size}
 * @param eosTokenIds      {@code eos_token_id}: one, several or none
 * @param json             the whole file, kept for export
 */
public record ModelConfig(Family family, int layers, int hiddenSize, int ffnSize, int heads, int kvHeads, int headSize, int vocabularySize,
                          int maxPositions, float normEpsilon, RopeConfig rope, boolean tiedEmbeddings, boolean scores, boolean qkvBias, boolean outputBias,
                          boolean mlpBias, double initializerRange, int slidingWindow, ExpertsConfig experts,
                          LatentConfig latent, int mtpLayers, Prediction prediction, DType dtype, List<Integer> weightBlock, List<Integer> eosTokenIds, String json) {

    public ModelConfig {
        Objects.requireNonNull(family, "family");
        Objects.requireNonNull(rope, "rope");
        Objects.requireNonNull(prediction, "prediction");
        Objects.requireNonNull(dtype, "dtype");
        eosTokenIds = List.copyOf(eosTokenIds);
        weightBlock = List.copyOf(weightBlock);
        requirePositive("num_hidden_layers", layers);
        requirePositive("hidden_size", hiddenSize);
        requirePositive("intermediate_size", ffnSize);
        requirePositive("num_attention_heads", heads);
        requirePositive("num_key_value_heads", kvHeads);
        requirePositive("vocab_size", vocabularySize);
        if (heads % kvHeads != 0) {
            throw new IllegalArgumentException("num_attention_heads " + heads + " is no multiple of num_key_value_heads " + kvHeads + " (config.json; "
                    + family.name() + " takes " + (family.absent().kvHeads() == 0 ? "num_attention_heads" : family.absent().kvHeads())
                    + " when the key is absent)");
        }
        int turned = latent == null ? headSize : latent.rotarySize();
        if (headSize <= 0 || turned % 2 != 0) {
            throw new IllegalArgumentException((latent == null ? "head_dim " : "qk_rope_head_dim ") + turned
                    + ": expected an even number > 0, because rope turns pairs (config.json)");
        }
    }

    private static void requirePositive(String key, int value) {
        if (value <= 0) {
            throw new IllegalArgumentException(key + " " + value + ": expected > 0 (config.json)");
        }
    }

    /**
     * Refuses lengths at which a sliding window would hide tokens: windows are not built.
     *
     * @param maxLength longest document, in tokens
     */
    public void requireLength(int maxLength) {
        if (maxLength > slidingWindow) {
            throw new IllegalArgumentException("max_length " + maxLength + " is longer than this model's sliding_window " + slidingWindow
                    + " (config.json), and sliding windows are not built: lower --max_length to " + slidingWindow
                    + ", or set sliding_window to null (use_sliding_window to false) to train with full attention");
        }
    }

    /**
     * The same model, of which layers that predict tokens further on are trained.
     *
     * @throws IllegalArgumentException when it does not have as many
     */
    public ModelConfig predicting(Prediction asked) {
        if (asked.layers() > mtpLayers) {
            throw new IllegalArgumentException("--mtp_num_layers " + asked.layers() + ": this model (" + family.name() + ") has " + mtpLayers
                    + " layers that predict further tokens (num_nextn_predict_layers, config.json); take at most as many");
        }
        return with(experts, asked);
    }

    /** The same model, whose routers compute in this arithmetic. */
    public ModelConfig routedIn(RouterConfig.Arithmetic arithmetic) {
        return experts == null ? this : with(experts.routedIn(arithmetic), prediction);
    }

    private ModelConfig with(ExpertsConfig otherExperts, Prediction otherPrediction) {
        return new ModelConfig(family, layers, hiddenSize, ffnSize, heads, kvHeads, headSize, vocabularySize, maxPositions, normEpsilon, rope, tiedEmbeddings, scores, qkvBias,
                outputBias, mlpBias, initializerRange, slidingWindow, otherExperts, latent, mtpLayers, otherPrediction, dtype, weightBlock, eosTokenIds, json);
    }

    /** Whether the last stage embeds tokens with the table of the first: for a head that is the table, or for layers that predict tokens further on. */
    public boolean lastStageEmbeds() {
        return tiedEmbeddings || prediction.layers() > 0;
    }

    /** {@code architectures[0]} of its config.json. */
    public String architecture() {
        return scores ? family.scoringArchitecture() : family.architecture();
    }

    /** Elements of a query or key head that rope turns. */
    public int rotarySize() {
        return latent == null ? headSize : latent.rotarySize();
    }

    /** Size of a value head. */
    public int valueSize() {
        return latent == null ? headSize : latent.valueSize();
    }

    /** Factor on the products of queries and keys. Latent attention makes up for what yarn does to long texts here, not in the rope table. */
    public double attentionScale() {
        double scale = 1 / Math.sqrt(headSize);
        boolean stretched = latent != null && rope.kind() != RopeConfig.Kind.DEFAULT && rope.mscaleAllDim() != 0;
        double correction = stretched ? RopeFrequencies.yarnScale(rope.factor(), rope.mscaleAllDim()) : 1;
        return scale * correction * correction;
    }

    /** Whether a layer has experts in the place of a feed-forward. */
    public boolean hasExperts(int layer) {
        return experts != null && experts.isIn(layer);
    }

    /** Parameters of the whole model; the embedding counted once when tied. */
    public long parameterCount() {
        return DecoderSpecs.of(this).stream().mapToLong(ParameterSpec::elements).sum();
    }

    /**
     * Floating-point operations per token of one forward and backward pass: 6 per weight of the products that a token goes through (head included, embedding
     * table not, layers that predict further tokens with their own use of the head), and of causal attention 6 per layer, query column and token of the average context (the mean of query and value columns where they differ).
     *
     * @param meanContext average document length, in tokens
     */
    public double flopsPerToken(double meanContext) {
        int all = layers + prediction.layers();
        double weights = (1.0 + prediction.layers()) * (scores ? 1 : vocabularySize) * hiddenSize + 2.0 * prediction.layers() * hiddenSize * hiddenSize;
        for (int layer = 0; layer < all; layer++) {
            weights += attentionWeights() + (hasExperts(layer) ? expertWeights() : 3.0 * hiddenSize * ffnSize);
        }
        return 6 * weights + 6.0 * all * heads * (headSize + valueSize()) / 2 * meanContext;
    }

    private double attentionWeights() {
        if (latent == null) {
            return (double) hiddenSize * headSize * (2L * heads + 2L * kvHeads);
        }
        double queries = latent.queryRank() == 0 ? (double) hiddenSize * heads * headSize : latent.queryRank() * (hiddenSize + (double) heads * headSize);
        double keys = (double) hiddenSize * (latent.keyValueRank() + latent.rotarySize())
                + (double) latent.keyValueRank() * heads * (latent.plainSize() + latent.valueSize());
        return queries + keys + (double) heads * latent.valueSize() * hiddenSize;
    }

    private double expertWeights() {
        double gate = experts.sharedGate() ? hiddenSize : 0;
        return (double) hiddenSize * experts.experts() + gate + 3.0 * hiddenSize * ((double) experts.router().chosen() * experts.ffnSize() + experts.sharedSize());
    }
}
