package ai.sparktron.trainer.model;

/**
 * Whether a gradient holds anything of the present step. Where the first product of a step writes it as a whole, no pass over memory clears it first. Only for parameters
 * whose layer says so with {@link #writtenFirst}; others are cleared. Used by the engine's thread.
 */
public final class GradientMark {

    private boolean writtenFirst;
    private boolean stale;

    /** The layer that owns the parameter asks {@link #takeStale} at each product. */
    public void writtenFirst() {
        writtenFirst = true;
    }

    /** Whether {@link #writtenFirst} was said. */
    public boolean isWrittenFirst() {
        return writtenFirst;
    }

    /** A step begins: what the gradient holds is the last one's. */
    public void begin() {
        stale = writtenFirst;
    }

    /** Whether what the gradient holds is to be overwritten; from then on it is this step's. */
    public boolean takeStale() {
        boolean was = stale;
        stale = false;
        return was;
    }
}
