package ai.sparktron.trainer.comm;

import java.time.Duration;
import java.util.List;

/** The world of a single rank: every collective is the identity. */
public final class SelfWorld implements World {

    private final World world = InProcessWorld.create(1, Duration.ofMinutes(10)).get(0);

    @Override
    public int rank() {
        return 0;
    }

    @Override
    public int size() {
        return 1;
    }

    @Override
    public Communicator group(String name, List<Integer> ranks) {
        return world.group(name, ranks);
    }

    @Override
    public void abort(Throwable cause) {
        world.abort(cause);
    }

    @Override
    public void requireAlive() {
        world.requireAlive();
    }

    @Override
    public void close() {
        world.close();
    }
}
