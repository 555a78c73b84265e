package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.model.Initialisation;
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
        parameters.all().forEach(parameter -> initialise(parameter, kernels, seed));
    }

    /** Fills the values of one parameter. */
    public static void initialise(Parameter parameter, Kernels kernels, long seed) {
        for (int part = 0; part < parameter.slices().size(); part++) {
            fill(parameter.part(part), parameter.slices().get(part), kernels, seed);
        }
    }

    private static void fill(Tensor values, TensorSlice slice, Kernels kernels, long seed) {
        TensorSpec tensor = slice.tensor();
        Initialisation start = tensor.initialisation();
        if (start.isConstant()) {
            kernels.fill(values, start.mean());
            return;
        }
        long own = seed ^ fingerprint(tensor.name());
        switch (start.shape()) {
            case NORMAL -> kernels.fillNormal(values, own, slice.firstRow(), slice.firstColumn(), tensor.columns(), start.mean(), start.spread());
            case UNIFORM -> kernels.fillUniform(values, own, slice.firstRow(), slice.firstColumn(), tensor.columns(), start.mean() - start.spread(),
                    start.mean() + start.spread());
        }
    }

    /** FNV-1a, 64 bits: names of a model differ in few characters, and their seeds must not. */
    public static long fingerprint(String name) {
        long hash = 0xcbf29ce484222325L;
        for (int i = 0; i < name.length(); i++) {
            hash = (hash ^ name.charAt(i)) * 0x100000001b3L;
        }
        return hash;
    }
}
