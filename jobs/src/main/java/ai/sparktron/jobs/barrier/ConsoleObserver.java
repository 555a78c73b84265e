package ai.sparktron.jobs.barrier;

import java.io.PrintStream;
import java.util.List;

/** Prints what happens to a run: starts, lines of ranks, checkpoints, failures. Progress is printed by rank 0's own lines. */
public class ConsoleObserver implements RunObserver {

    private final PrintStream out;

    public ConsoleObserver(PrintStream out) {
        this.out = out;
    }

    @Override
    public void started(int attempt, List<RankPlace> places) {
        out.println("attempt " + attempt + ": " + places.size() + " ranks");
        places.forEach(place -> out.println("  " + place));
    }

    @Override
    public void log(int rank, String line) {
        out.println(rank == 0 ? line : "[rank " + rank + "] " + line);
    }

    @Override
    public void committed(long step, String location) {
        out.println("checkpoint of step " + step + ": " + location);
    }

    @Override
    public void failed(FailureReport report, long pauseMillis) {
        out.println(report);
        out.println(pauseMillis < 0 ? "no further attempt" : "next attempt in " + pauseMillis / 1000.0 + " s");
    }
}
