package ai.sparktron.trainer.comm;

import java.util.List;

/** A group of ranks can no longer work together. The world is of no use any more; a new attempt starts with a new one. */
public class CommunicationException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int[] suspects;

    public CommunicationException(String message) {
        this(message, null);
    }

    public CommunicationException(String message, Throwable cause) {
        this(message, List.of(), cause);
    }

    /** @param suspects world ranks that the trouble points to */
    public CommunicationException(String message, List<Integer> suspects, Throwable cause) {
        super(message, cause);
        this.suspects = suspects.stream().mapToInt(Integer::intValue).toArray();
    }

    /** World ranks that the trouble points to: lost, late or aborting ones; empty when it points to none. */
    public final List<Integer> suspects() {
        return java.util.Arrays.stream(suspects).boxed().toList();
    }
}
