package ai.sparktron.jobs.barrier;

import java.io.IOException;

/** A rank's line to the driver's coordinator. Safe for several threads. */
interface ControlChannel extends AutoCloseable {

    /**
     * Sends a message and waits for the answer.
     *
     * @throws IOException when the driver cannot be reached or refuses this attempt
     */
    ControlMessage ask(ControlMessage message) throws IOException;

    @Override
    void close();
}
