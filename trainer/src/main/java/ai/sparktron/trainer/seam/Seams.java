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
 * @param choices    who says which experts those are
 */
public record Seams(Slicing slicing, TokenDeal tokens, Region region, AttentionCore attention, VocabularyGroup vocabulary, TokenDispatcher dispatcher,
                    ExpertChoices choices) {
    public Seams {
        Objects.requireNonNull(slicing, "slicing");
        Objects.requireNonNull(tokens, "tokens");
        Objects.requireNonNull(region, "region");
        Objects.requireNonNull(attention, "attention");
        Objects.requireNonNull(vocabulary, "vocabulary");
        Objects.requireNonNull(dispatcher, "dispatcher");
        Objects.requireNonNull(choices, "choices");
    }

    /** Routers choose by their own rules. */
    public Seams(Slicing slicing, TokenDeal tokens, Region region, AttentionCore attention, VocabularyGroup vocabulary, TokenDispatcher dispatcher) {
        this(slicing, tokens, region, attention, vocabulary, dispatcher, ExpertChoices.own());
    }

    /** The same with others who choose experts. */
    public Seams with(ExpertChoices others) {
        return new Seams(slicing, tokens, region, attention, vocabulary, dispatcher, others);
    }

    /** One device: nothing is cut. */
    public static Seams single() {
        return new Seams(Slicing.whole(), TokenDeal.whole(), Region.none(), AttentionCore.local(), VocabularyGroup.alone(), TokenDispatcher.local());
    }
}
