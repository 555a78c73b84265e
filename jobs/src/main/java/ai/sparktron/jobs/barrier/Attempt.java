package ai.sparktron.jobs.barrier;

import java.io.NotSerializableException;
import java.util.List;
import org.apache.spark.api.java.JavaSparkContext;

/** One barrier job, watched: it ends with a result or with a first cause, never hangs. */
final class Attempt {

    private static final long TICK_MILLIS = 100;

    private final JavaSparkContext spark;
    private final Coordinator coordinator;
    private final BarrierSettings settings;
    private final String group;
    private final Object monitor = new Object();
    private boolean over;

    Attempt(JavaSparkContext spark, Coordinator coordinator, BarrierSettings settings) {
        this.spark = spark;
        this.coordinator = coordinator;
        this.settings = settings;
        this.group = "ranks-" + coordinator.token().id();
    }

    /** What came of it: a result (possibly null) or a failure. */
    record Outcome(String result, FailureReport failure, Exception exception) {
    }

    /** Runs the job; blocks until it is over. */
    Outcome run(RankTask task, int ranks, String description) {
        Thread watch = new Thread(this::watch, group + "-watch");
        watch.setDaemon(true);
        watch.start();
        try {
            spark.setJobGroup(group, description, true);
            List<String> results = BarrierStage.run(spark, ranks, task);
            FailureReport failure = coordinator.explanation();
            return failure == null ? new Outcome(results.isEmpty() ? null : results.get(0), null, null) : new Outcome(null, failure, null);
        } catch (Exception exception) {
            return new Outcome(null, cause(exception), exception);
        } finally {
            spark.clearJobGroup();
            synchronized (monitor) {
                over = true;
                monitor.notifyAll();
            }
        }
    }

    /** Word of what really happened may still be under way. */
    private FailureReport cause(Exception exception) {
        if (spark.sc().isStopped()) {
            coordinator.cancel("the Spark context was stopped");
        }
        for (Throwable each = exception; each != null; each = each.getCause()) {
            if (each instanceof NotSerializableException) {
                coordinator.misbuilt("the program cannot be sent to the executors: " + each);
            }
        }
        long deadline = System.nanoTime() + 4_000_000_000L;
        FailureReport report = coordinator.tick(System.nanoTime());
        while (report == null && System.nanoTime() < deadline && !Thread.currentThread().isInterrupted()) {
            pause(50);
            report = coordinator.tick(System.nanoTime());
        }
        coordinator.jobFailed(String.valueOf(exception.getMessage()));
        return coordinator.explanation();
    }

    private void watch() {
        long cancelAt = Long.MAX_VALUE;
        while (!isOver()) {
            long now = System.nanoTime();
            if (coordinator.tick(now) != null && cancelAt == Long.MAX_VALUE) {
                cancelAt = now + settings.abortGrace().toNanos();
            }
            if (now > cancelAt) {
                spark.cancelJobGroup(group);
                cancelAt = now + 1_000_000_000L;
            }
        }
    }

    private boolean isOver() {
        synchronized (monitor) {
            if (!over) {
                try {
                    monitor.wait(TICK_MILLIS);
                } catch (InterruptedException interrupt) {
                    return true;
                }
            }
            return over;
        }
    }

    private static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
        }
    }
}
