package ai.sparktron.trainer.seam;

import ai.sparktron.trainer.model.Slicing;
import java.util.Objects;

/**
 * Everything a strategy may decorate in a model.
 *
 * @param slicing    part of each tensor held here
 * @param tokens     tokens of each micro-batch held here
 * @param region     borders of the stretches between cut products
 * @param attention  attention between the projections
 * @param vocabulary ranks that share the vocabulary
 * @param dispatcher how tokens reach experts
 */
public record Seams(Slicing slicing, TokenDeal tokens, Region region, AttentionCore attention, VocabularyGroup vocabulary, TokenDispatcher dispatcher) {
    public Seams {
        Objects.requireNonNull(slicing, "slicing");
        Objects.requireNonNull(tokens, "tokens");
        Objects.requireNonNull(region, "region");
        Objects.requireNonNull(attention, "attention");
        Objects.requireNonNull(vocabulary, "vocabulary");
        Objects.requireNonNull(dispatcher, "dispatcher");
    }

    /** One device: nothing is cut. */
    public static Seams single() {
        return new Seams(Slicing.whole(), TokenDeal.whole(), Region.none(), AttentionCore.local(), VocabularyGroup.alone(), TokenDispatcher.local());
    }
}
