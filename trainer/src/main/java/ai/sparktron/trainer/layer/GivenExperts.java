package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/** A ranking by which a router without bias and groups chooses the experts that it is given. */
final class GivenExperts {

    private GivenExperts() {
    }

    /**
     * k, k - 1 ... 1 for a token's experts in the order given, 0 for the others, so that they are chosen in that order.
     *
     * @param ids     [T * k] of {@link ai.sparktron.trainer.seam.ExpertChoices#given}
     * @param logits  [T, E]
     * @param scratch gives what is returned
     * @return [T, E], of the type of the logits
     */
    static Tensor ranking(int[] ids, Tensor logits, Arena.Frame scratch, Pass pass) {
        int tokens = Math.toIntExact(logits.rows());
        int experts = Math.toIntExact(logits.columns());
        int chosen = tokens == 0 ? 0 : ids.length / tokens;
        float[] ranks = new float[tokens * experts];
        for (int slot = 0; slot < ids.length; slot++) {
            ranks[slot / chosen * experts + ids[slot]] = chosen - slot % chosen;
        }
        Tensor ranking = scratch.tensor("router.given", DType.F32, tokens, experts);
        pass.engine().write(ranking, HostArrays.bytes(ranks));
        return ScoreLinear.as(logits.dtype(), ranking, scratch, pass.kernels());
    }
}
