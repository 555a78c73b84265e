package ai.sparktron.jobs.barrier;

import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;

/** Follows executors that go, tells the attempt under way, and sees to it that those of failed ranks are replaced. */
final class ExecutorWatch extends SparkListener {

    /** A worker gives a process that does not listen ten seconds before it kills it. */
    private static final Duration KILL_PATIENCE = Duration.ofSeconds(30);

    private final SparkContext context;
    private final ControlHub hub;
    private final Map<String, String> removed = new ConcurrentHashMap<>();
    private int executors = 1;
    private boolean killedBefore;

    ExecutorWatch(SparkContext context, ControlHub hub) {
        this.context = context;
        this.hub = hub;
    }

    @Override
    public void onExecutorRemoved(SparkListenerExecutorRemoved event) {
        removed.put(event.executorId(), event.reason());
        Coordinator current = hub.current();
        if (current != null) {
            current.executorLost(event.executorId(), event.reason());
        }
    }

    /** Remembers how many executors there are before an attempt. */
    void count() {
        executors = Math.max(executors, context.statusTracker().getExecutorInfos().length - 1);
    }

    /**
     * Waits until these executors are gone. Silent ones are killed at once through the cluster manager, others when they do not go by themselves.
     */
    void replace(Collection<String> dirty, Collection<String> silent, Duration patience) throws InterruptedException {
        kill(remaining(silent, Duration.ZERO));
        Set<String> others = new LinkedHashSet<>(dirty);
        others.removeAll(silent);
        kill(remaining(others, patience));
        remaining(dirty, KILL_PATIENCE);
    }

    private void kill(Set<String> unwanted) {
        if (unwanted.isEmpty()) {
            return;
        }
        for (String executor : unwanted) {
            context.killExecutor(executor);
        }
        context.requestExecutors(more(unwanted.size()));
    }

    /**
     * Killing lowers the number of executors that Spark asks for. On a standalone cluster, where no number was asked for, the first kill sets it to
     * zero, so all of them must be asked for again; elsewhere only the killed ones.
     */
    private int more(int killed) {
        String master = context.master();
        boolean standalone = master.startsWith("spark://") || master.startsWith("local-cluster");
        boolean counted = killedBefore || context.conf().contains("spark.executor.instances");
        killedBefore = true;
        return standalone && !counted ? executors : killed;
    }

    private Set<String> remaining(Collection<String> executors, Duration patience) throws InterruptedException {
        long deadline = System.nanoTime() + patience.toNanos();
        Set<String> left = new LinkedHashSet<>(executors);
        left.removeAll(removed.keySet());
        while (!left.isEmpty() && System.nanoTime() < deadline) {
            Thread.sleep(50);
            left.removeAll(removed.keySet());
        }
        return left;
    }
}
