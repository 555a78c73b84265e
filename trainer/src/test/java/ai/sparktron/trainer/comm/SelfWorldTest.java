package ai.sparktron.trainer.comm;

import java.time.Duration;
import java.util.List;

class SelfWorldTest extends CommunicatorContract {

    @Override
    protected List<? extends World> worlds(int size, Duration collectiveTimeout) {
        return List.of(new SelfWorld());
    }

    @Override
    protected int largest() {
        return 1;
    }
}
