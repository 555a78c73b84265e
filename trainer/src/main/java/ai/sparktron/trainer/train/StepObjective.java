package ai.sparktron.trainer.train;

import ai.sparktron.trainer.data.MicroBatch;
import ai.sparktron.trainer.layer.HostTokens;
import ai.sparktron.trainer.layer.Pass;
import ai.sparktron.trainer.layer.TokenNames;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What the micro-batches of a step are trained to: how they become losses, what the losses are divided by, and the figures of them. All ranks make the same calls. */
public interface StepObjective {

    /**
     * Work on the micro-batches of one global batch; may run other models on them first.
     *
     * @param batches this rank's
     * @param mode    TRAIN or EVALUATE
     */
    List<StageRunner.Work> work(List<MicroBatch> batches, Pass.Mode mode);

    /** This rank's share of what the summed gradients of these micro-batches are divided by. */
    double divisor(List<MicroBatch> batches);

    /** float32 [1] for the losses of tokens. */
    Tensor lossSum();

    /** Takes what was added up since the last call, and starts anew. A device may still work on it. */
    Taken take();

    /** Sums of this rank. */
    @FunctionalInterface
    interface Taken {
        /** Adds them up over all ranks, which all call it. */
        Losses overRanks();
    }

    /**
     * Figures.
     *
     * @param byName {@code loss} and what else there is, means
     * @param count  of what they are means over: tokens, micro-batches or pairs
     */
    record Losses(Map<String, Double> byName, double count) {
    }

    /**
     * Half the documents of a micro-batch whose rows hold them in twos.
     *
     * @throws IllegalArgumentException when they do not
     */
    static int twos(MicroBatch batch) {
        int real = batch.rows().stream().mapToInt(MicroBatch.Row::tokens).sum();
        int documents = real == 0 ? 0 : batch.documents()[real - 1] + 1;
        if (documents % 2 != 0) {
            throw new IllegalArgumentException("rows of samples " + batch.rows().stream().map(MicroBatch.Row::sample).toList() + " have " + documents
                    + " documents, expected pairs: these rows were not prepared for preferences; prepare them with rlhf, or with prepare --task rlhf");
        }
        return documents / 2;
    }

    /** The tokens of a micro-batch, with their names. */
    static HostTokens tokens(MicroBatch batch) {
        List<TokenNames.Run> runs = new ArrayList<>();
        int from = 0;
        for (MicroBatch.Row row : batch.rows()) {
            runs.add(new TokenNames.Run(from, row.tokens(), row.sample(), 0));
            from += row.tokens();
        }
        return HostTokens.of(batch.ids(), batch.labels(), batch.weightsOrNull(), batch.positions(), batch.documents())
                .named(new TokenNames(runs).upTo(batch.tokens()));
    }
}
