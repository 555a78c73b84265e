package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.model.Parameter;
import java.util.List;

/** Hears, on the device thread, when layers need their parameters and when they are through with them, so that communication can run beside layers. */
public interface ParameterUse {

    /** Nobody listens. */
    ParameterUse NONE = new ParameterUse() {
        @Override
        public void beforeForward(List<Parameter> parameters) {
            // Values are always there.
        }

        @Override
        public void afterBackward(List<Parameter> parameters) {
            // Gradients are looked at after the last backward.
        }
    };

    /** Their values are about to be read: in forward, and where forward is run again in backward. */
    void beforeForward(List<Parameter> parameters);

    /** Their values are about to be read and their gradients to be added to. */
    default void beforeBackward(List<Parameter> parameters) {
        // Most have both at hand.
    }

    /** Nothing more of this pass is added to their gradients. */
    void afterBackward(List<Parameter> parameters);
}
