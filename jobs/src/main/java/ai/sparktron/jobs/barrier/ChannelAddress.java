package ai.sparktron.jobs.barrier;

import java.io.IOException;
import java.io.Serializable;

/**
 * How a rank reaches the driver; travels with the task.
 *
 * @param plugin whether Spark has loaded {@link ControlPlugin}
 * @param host   of the driver's socket, when there is one
 * @param port   of the driver's socket, 0 when there is none
 */
record ChannelAddress(boolean plugin, String host, int port) implements Serializable {

    ControlChannel open(AttemptToken token, int partition) throws IOException {
        ControlChannel channel = plugin ? ControlPlugin.channel() : null;
        if (channel != null) {
            return channel;
        }
        if (port == 0) {
            throw new IOException("this executor has not loaded " + ControlPlugin.class.getName() + ", which the driver's spark.plugins names");
        }
        return ControlSocket.connect(host, port, token.secret(), partition);
    }
}
