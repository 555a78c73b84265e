package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.tensor.Arena;
import java.util.function.Supplier;

/**
 * Where a pass lays what it needs; all stay the caller's.
 *
 * @param saved    of this pass alone, from its beginning to its close: what forward leaves to backward
 * @param repeated for layers that are run again in backward, from their second forward to the end of their backward. Backward of one layer runs at a time, so all
 *                 passes of a rank can share it, and should in a pipeline, where otherwise each pass in flight would hold memory of a layer. A pass alone needs none: it has what its
 *                 later layers have left. Asked for only where there are such layers
 * @param scratch  of calls; shared too
 */
public record PassArenas(Arena saved, Supplier<Arena> repeated, Arena scratch) {

    /** Of a pass that is alone in flight. */
    public static PassArenas alone(Arena saved, Arena scratch) {
        return new PassArenas(saved, () -> saved, scratch);
    }
}
