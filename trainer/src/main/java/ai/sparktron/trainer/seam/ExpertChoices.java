package ai.sparktron.trainer.seam;

import ai.sparktron.trainer.kernels.TensorAccess;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Who says which experts tokens go to. By default each router by its own rule, and nobody hears of it.
 *
 * <p>Others are for comparing runs: where two experts are near, rounding decides between them, and a run in 16 bits is soon another model than one in float32. With the
 * other run's experts given, what differs is rounding alone. No option of a training leads here.
 */
public interface ExpertChoices {

    /**
     * Experts for the tokens of a router's forward, asked for once in each, also where a forward is run again in backward.
     *
     * @param router name of its weight, the same on all ranks that hold the layer
     * @param slots  T * k: tokens here times the experts of each
     * @return [T * k], those of a token side by side and all different; null = as the router's rule says
     */
    int[] given(String router, int slots);

    /**
     * Hears what was chosen, once in each forward. Reading it waits for the device.
     *
     * @param ids I32 [T, k]
     */
    void chosen(String router, Tensor ids, TensorAccess memory);

    /** By the routers' own rules. */
    static ExpertChoices own() {
        return Own.INSTANCE;
    }

    /** The default. */
    enum Own implements ExpertChoices {
        INSTANCE;

        @Override
        public int[] given(String router, int slots) {
            return null;
        }

        @Override
        public void chosen(String router, Tensor ids, TensorAccess memory) {
            // Nobody asked.
        }
    }
}
