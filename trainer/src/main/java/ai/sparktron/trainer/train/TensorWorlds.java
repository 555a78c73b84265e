package ai.sparktron.trainer.train;

import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.kernels.Engine;

/** Over what a rank's tensors go, given the engine they belong to. */
@FunctionalInterface
public interface TensorWorlds {

    /** Tensors in host memory go over the ranks' own world. */
    TensorWorlds HOST = (host, engine) -> host;

    /**
     * The world for an engine's tensors. Of the same ranks as the hosts' world; whoever asked closes it, before the engine, unless it is that world itself.
     *
     * @param host over which ranks meet
     */
    World over(World host, Engine engine);

    /** As {@link #over}, to be closed in any case. */
    default Opened open(World host, Engine engine) {
        return new Opened(over(host, engine), host);
    }

    /**
     * A world for tensors; closing it leaves the hosts' own alone.
     *
     * @param world for tensors
     * @param host  over which ranks meet
     */
    record Opened(World world, World host) implements AutoCloseable {
        @Override
        public void close() {
            if (world != host) {
                world.close();
            }
        }
    }
}
