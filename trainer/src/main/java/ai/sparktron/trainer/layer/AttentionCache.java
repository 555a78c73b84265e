package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.tensor.Tensor;

/** Keys and values of tokens that were processed before, for generation. */
public interface AttentionCache {

    /**
     * Adds the keys and values of a pass to those of a layer.
     *
     * @param layer index of the layer in the model
     * @param k     [T, G*K] after rope
     * @param v     [T, G*Kv]
     * @return all of the layer's, the new ones included; valid until the next call
     */
    Keys append(int layer, Tensor k, Tensor v, Kernels kernels);

    /**
     * What queries attend to.
     *
     * @param k      [Tk, G*K]
     * @param v      [Tk, G*Kv]
     * @param layout documents and positions of the keys
     */
    record Keys(Tensor k, Tensor v, TokenLayout layout) {
    }
}
