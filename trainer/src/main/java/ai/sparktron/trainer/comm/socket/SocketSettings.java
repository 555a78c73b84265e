package ai.sparktron.trainer.comm.socket;

import java.time.Duration;

/**
 * How the sockets of a world are made.
 *
 * @param bindAddress       address of this host under which the other ranks reach it
 * @param token             secret of the attempt, the same on all ranks: a process that does not know it is turned away
 * @param connectTimeout    how long ranks wait for each other's sockets at the start
 * @param collectiveTimeout how long a call waits for other ranks
 */
public record SocketSettings(String bindAddress, String token, Duration connectTimeout, Duration collectiveTimeout) {

    public SocketSettings {
        if (token.isEmpty()) {
            throw new IllegalArgumentException("the attempt token is empty; expected a random text that all ranks share");
        }
    }

    /** The token is a secret and stays out of logs. */
    @Override
    public String toString() {
        return "SocketSettings[bindAddress=" + bindAddress + ", connectTimeout=" + connectTimeout + ", collectiveTimeout=" + collectiveTimeout + "]";
    }
}
