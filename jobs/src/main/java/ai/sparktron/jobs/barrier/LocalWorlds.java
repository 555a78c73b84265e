package ai.sparktron.jobs.barrier;

import ai.sparktron.trainer.comm.InProcessWorld;
import ai.sparktron.trainer.comm.World;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Where ranks that are threads of one process find each other. Tasks share nothing else, hence the static table. */
final class LocalWorlds {

    private record Entry(List<World> ends, int[] users) {
    }

    private static final Map<String, Entry> WORLDS = new HashMap<>();

    private LocalWorlds() {
    }

    static synchronized World join(AttemptToken token, int rank, int size, Duration collectiveTimeout) {
        Entry entry = WORLDS.computeIfAbsent(token.text(), key -> new Entry(InProcessWorld.create(size, collectiveTimeout), new int[1]));
        entry.users()[0]++;
        return entry.ends().get(rank);
    }

    static synchronized void leave(AttemptToken token, World world) {
        world.close();
        Entry entry = WORLDS.get(token.text());
        if (entry != null && --entry.users()[0] == 0) {
            WORLDS.remove(token.text());
        }
    }
}
