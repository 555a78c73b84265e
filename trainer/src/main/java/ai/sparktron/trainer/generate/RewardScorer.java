package ai.sparktron.trainer.generate;

import ai.sparktron.trainer.convert.LoadedModel;
import ai.sparktron.trainer.layer.HostTokens;
import ai.sparktron.trainer.layer.Pass;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/** Rewards by a model whose head gives one number of a token: that of the last token of a conversation. Used by one thread. */
public final class RewardScorer {

    private final LoadedModel loaded;
    private final HostLogits number;

    /** @param loaded a model that scores; stays the caller's. @throws IllegalArgumentException when it has a vocabulary instead */
    public RewardScorer(LoadedModel loaded) {
        if (!loaded.config().scores()) {
            throw new IllegalArgumentException(loaded.config().architecture() + " predicts tokens and gives no rewards: expected a model of rlhf --rlhf_type rm");
        }
        this.loaded = loaded;
        this.number = new HostLogits(loaded.engine(), 1);
    }

    /** The reward of a conversation that ends with an answer. @param ids at most as many as the model was opened for */
    public double score(int[] ids) {
        try (Arena.Frame frame = loaded.scratch().open("reward");
                Pass pass = loaded.model().begin(HostTokens.sequence(ids, 0), null, loaded.microBatch(), loaded.scratch())) {
            Tensor score = frame.tensor("score", loaded.parameters().value().dtype(), 1, 1);
            Tensor wide = frame.tensor("score.float32", DType.F32, 1, 1);
            loaded.model().logits(pass, ids.length - 1, 1, score);
            loaded.engine().kernels().copy(score, wide);
            return number.read(wide, 0)[0];
        }
    }
}
