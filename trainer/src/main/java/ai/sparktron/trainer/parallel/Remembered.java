package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.seam.DealtLayout;
import java.util.function.Function;

/** What follows from the documents of a micro-batch, found out once for all layers. One thread, the engine's. */
final class Remembered<T> {

    private DealtLayout known;
    private T value;

    T of(DealtLayout layout, Function<DealtLayout, T> find) {
        if (known != layout) {
            value = find.apply(layout);
            known = layout;
        }
        return value;
    }
}
