package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.mesh.Axis;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.seam.Seams;

/** What one axis of the mesh changes. Everything defaults to nothing. */
public interface ParallelStrategy {

    /** The axis it works along. */
    Axis axis();

    /** Divisibility and the like. @throws IllegalArgumentException with option, value and the fix */
    default void validate(ModelConfig config, int maxLength) {
    }

    /** The seams of a rank, decorated. */
    default Seams decorate(Seams seams) {
        return seams;
    }

    /** Whether each rank along the axis has but a share of this parameter's gradient, so that the shares must be added. */
    default boolean gradientIsPartial(ParameterSpec parameter) {
        return false;
    }
}
