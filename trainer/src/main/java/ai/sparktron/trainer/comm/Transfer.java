package ai.sparktron.trainer.comm;

/** One message under way. The tensor must be left alone until {@link #await()} has returned. */
public interface Transfer {

    /**
     * Waits until the tensor may be used again: a sent one has left, a received one is filled. Calling it again returns at once.
     *
     * @throws CommunicationException when the peer is gone, late, or sent something of another size or type, or the world was aborted
     */
    void await();

    /** Whether {@link #await()} would return (or throw) at once. */
    boolean isDone();
}
