package ai.sparktron.trainer.train;

import java.io.Serializable;

/**
 * Most bytes that the arenas of a rank held at a time.
 *
 * @param run    what lives as long as the run: weights, gradients, optimizer state
 * @param passes what forward leaves to backward, of all passes in flight
 * @param calls  scratch of single calls
 */
public record PeakMemory(long run, long passes, long calls) implements Serializable {

    /** All of it. */
    public long total() {
        return run + passes + calls;
    }
}
