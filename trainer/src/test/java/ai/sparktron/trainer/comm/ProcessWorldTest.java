package ai.sparktron.trainer.comm;

import ai.sparktron.trainer.comm.RankProcess.Backend;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;

/** Sockets between processes, as the tests of GPUs start them: shows on any machine that those tests ask the right things. On request, for its many processes. */
@Tag("trial")
class ProcessWorldTest extends CommunicatorContract {

    @Override
    protected List<? extends World> worlds(int size, Duration collectiveTimeout) throws Exception {
        return RemoteRanks.start(size, collectiveTimeout, Backend.SOCKET, 0);
    }

    @Override
    protected int interrupts() {
        return 2;
    }
}
