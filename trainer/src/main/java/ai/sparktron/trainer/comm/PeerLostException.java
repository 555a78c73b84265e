package ai.sparktron.trainer.comm;

import java.util.List;

/** A rank is gone: its process died, or it left while others still needed it; {@link #suspects()} holds it. */
public final class PeerLostException extends CommunicationException {
    private static final long serialVersionUID = 1L;

    public PeerLostException(String message, int lostRank, Throwable cause) {
        super(message, List.of(lostRank), cause);
    }
}
