package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.barrier.ConsoleObserver;
import ai.sparktron.jobs.barrier.FailureReport;
import ai.sparktron.jobs.barrier.RankPlace;
import ai.sparktron.jobs.barrier.RunObserver;
import java.util.List;

/** A run on the console. The failure that ends a run is left to the exception that carries it. */
final class RunConsole implements RunObserver {

    private final ConsoleObserver console;

    RunConsole(Console console) {
        this.console = new ConsoleObserver(console.out());
    }

    @Override
    public void started(int attempt, List<RankPlace> places) {
        console.started(attempt, places);
    }

    @Override
    public void log(int rank, String line) {
        console.log(rank, line);
    }

    @Override
    public void committed(long step, String location) {
        console.committed(step, location);
    }

    @Override
    public void failed(FailureReport report, long pauseMillis) {
        if (pauseMillis >= 0) {
            console.failed(report, pauseMillis);
        }
    }
}
