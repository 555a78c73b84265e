package ai.sparktron.trainer.seam;

import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;

/** The ranks among which vocabulary entries are cut. By default this rank has them all. */
@FunctionalInterface
public interface VocabularyGroup {

    /**
     * Makes statistics over this rank's entries statistics over the whole vocabulary, in place.
     *
     * @param scratch   gives memory that lives for the call
     * @param logSumExp float32 [T]
     * @param picked    float32 [T]: logit of the label on the rank that has it, 0 on others
     */
    void combine(Kernels kernels, Arena scratch, Tensor logSumExp, Tensor picked);

    /** Whether this rank does what one of them does for all. */
    default boolean isFirst() {
        return true;
    }

    /** All entries are here. */
    static VocabularyGroup alone() {
        return (kernels, scratch, logSumExp, picked) -> { };
    }
}
