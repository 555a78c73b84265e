package ai.sparktron.trainer.comm;

import java.time.Duration;
import java.util.List;

class InProcessWorldTest extends CommunicatorContract {

    @Override
    protected List<? extends World> worlds(int size, Duration collectiveTimeout) {
        return InProcessWorld.create(size, collectiveTimeout);
    }
}
