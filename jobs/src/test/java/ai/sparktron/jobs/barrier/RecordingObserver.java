package ai.sparktron.jobs.barrier;

import java.util.ArrayList;
import java.util.List;

/** Keeps what a run tells. */
public final class RecordingObserver implements RunObserver {

    public final List<List<RankPlace>> starts = new ArrayList<>();
    public final List<FailureReport> failures = new ArrayList<>();
    public final List<String> lines = new ArrayList<>();
    public final List<Long> commits = new ArrayList<>();
    public final List<Progress> progress = new ArrayList<>();

    @Override
    public synchronized void started(int attempt, List<RankPlace> places) {
        starts.add(places);
    }

    @Override
    public synchronized void progress(int rank, Progress now) {
        if (rank == 0) {
            progress.add(now);
        }
    }

    @Override
    public synchronized void log(int rank, String line) {
        lines.add("[" + rank + "] " + line);
    }

    @Override
    public synchronized void committed(long step, String location) {
        commits.add(step);
    }

    @Override
    public synchronized void failed(FailureReport report, long pauseMillis) {
        failures.add(report);
    }
}
