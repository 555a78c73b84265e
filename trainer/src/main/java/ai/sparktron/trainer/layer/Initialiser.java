package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.tensor.Tensor;

/** Random weights: each element depends on the seed, the tensor's name and its place in the global tensor alone, so every grid starts from the same model. */
public final class Initialiser {

    private Initialiser() {
    }

    /** Fills all values, gaps with 0. */
    public static void initialise(Parameters parameters, Kernels kernels, long seed) {
        kernels.fill(parameters.value(), 0);
        for (Parameter parameter : parameters.all()) {
            for (int part = 0; part < parameter.slices().size(); part++) {
                fill(parameter.part(part), parameter.slices().get(part), kernels, seed);
            }
        }
    }

    private static void fill(Tensor values, TensorSlice slice, Kernels kernels, long seed) {
        TensorSpec tensor = slice.tensor();
        if (tensor.initialisation().isConstant()) {
            kernels.fill(values, tensor.initialisation().mean());
        } else {
            kernels.fillNormal(values, seed ^ fingerprint(tensor.name()), slice.firstRow(), slice.firstColumn(), tensor.columns(),
                    tensor.initialisation().mean(), tensor.initialisation().deviation());
        }
    }

    /** FNV-1a, 64 bits: names of a model differ in few characters, and their seeds must not. */
    private static long fingerprint(String name) {
        long hash = 0xcbf29ce484222325L;
        for (int i = 0; i < name.length(); i++) {
            hash = (hash ^ name.charAt(i)) * 0x100000001b3L;
        }
        return hash;
    }
}
