package ai.sparktron.trainer.comm;

import java.util.List;

/** A call waited longer than the collective deadline; {@link #suspects()} are the ranks that had not come. */
public final class CollectiveTimeoutException extends CommunicationException {
    private static final long serialVersionUID = 1L;

    private CollectiveTimeoutException(String message, List<Integer> late) {
        super(message, late, null);
    }

    /**
     * The report of a passed deadline.
     *
     * @param what the group and the call
     * @param late world ranks waited for
     */
    public static CollectiveTimeoutException of(String what, List<Integer> late, long waitedMillis) {
        return new CollectiveTimeoutException(what + ": " + (late.size() == 1 ? "rank " + late.get(0) + " is" : "ranks " + late + " are") + " late by "
                + waitedMillis / 1000 + "." + waitedMillis / 100 % 10 + " s; look at what they do, or raise the collective timeout", late);
    }
}
