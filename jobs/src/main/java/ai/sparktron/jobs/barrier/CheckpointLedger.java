package ai.sparktron.jobs.barrier;

import java.util.Optional;

/** The newest committed checkpoint of a run, over all its attempts. */
final class CheckpointLedger {

    private String location;
    private long step = -1;

    /** @param start what the run starts from, or null */
    CheckpointLedger(String start) {
        this.location = start;
    }

    synchronized void commit(long newStep, String newLocation) {
        step = newStep;
        location = newLocation;
    }

    synchronized Optional<String> newest() {
        return Optional.ofNullable(location);
    }

    /** Step of the newest checkpoint that this run made, or -1. */
    synchronized long step() {
        return step;
    }
}
