package ai.sparktron.trainer.comm;

import java.util.List;

/** How ranks find each other before they have a world: once per attempt, over whatever channel started them. */
@FunctionalInterface
public interface Rendezvous {

    /**
     * Gives every rank every rank's value, in rank order. Blocks until all have come.
     *
     * @throws CommunicationException when a rank does not come in time, naming it
     */
    List<String> exchange(String value);
}
