package ai.sparktron.jobs.barrier;

import ai.sparktron.jobs.barrier.ControlMessage.Kind;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Brings messages to the coordinator of their attempt, whatever channel they came through, and refuses those of attempts that are over. */
final class ControlHub {

    private final Map<String, Coordinator> attempts = new ConcurrentHashMap<>();

    void open(Coordinator coordinator) {
        attempts.put(coordinator.token().text(), coordinator);
    }

    void close(Coordinator coordinator) {
        attempts.remove(coordinator.token().text());
    }

    /** The attempt under way, or null. */
    Coordinator current() {
        return attempts.values().stream().findFirst().orElse(null);
    }

    byte[] handle(byte[] bytes) {
        ControlMessage message = ControlMessage.decode(bytes);
        Coordinator coordinator = attempts.get(message.field("token"));
        if (coordinator == null) {
            return ControlMessage.of(Kind.ABORT, "reason", "this attempt is over; the driver knows nothing of it any more").encode();
        }
        return coordinator.handle(message).encode();
    }
}
