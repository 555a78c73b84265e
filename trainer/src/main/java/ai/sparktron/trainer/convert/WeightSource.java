package ai.sparktron.trainer.convert;

import ai.sparktron.trainer.model.TensorSpec;
import java.io.IOException;

/** Where an export takes global tensors from: one rank's parameters, or those gathered from several. */
@FunctionalInterface
public interface WeightSource {

    /** Elements {@code from} to {@code from + count} (row-major) of a global tensor. Every tensor is asked for in order, from its first element to its last. */
    float[] read(TensorSpec tensor, long from, int count) throws IOException;
}
