package ai.sparktron.jobs.cli;

import ai.sparktron.trainer.comm.World;
import java.util.function.Consumer;

/**
 * Where one rank of a {@link HostTask} runs.
 *
 * @param world   all ranks; closed by whoever started the task
 * @param device  index of its GPU, or of its share of the host
 * @param attempt name of this start of processes
 * @param console takes lines for the user
 */
record HostPlace(World world, int device, String attempt, Consumer<String> console) {

    /** Tells the user; lines of other ranks than the first have their number. */
    void line(String text) {
        console.accept(world.rank() == 0 ? text : "[rank " + world.rank() + "] " + text);
    }
}
