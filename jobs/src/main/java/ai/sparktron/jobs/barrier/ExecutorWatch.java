package ai.sparktron.jobs.barrier;

import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;

/** Follows executors that go, tells the attempt under way, and sees to it that those of failed ranks are replaced. */
final class ExecutorWatch extends SparkListener {

    private final SparkContext context;
    private final ControlHub hub;
    private final Map<String, String> removed = new ConcurrentHashMap<>();
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

    /** Waits until these executors are gone; those that do not go by themselves are killed through the cluster manager. */
    void replace(Collection<String> executors, Duration patience) throws InterruptedException {
        Set<String> left = remaining(executors, patience);
        if (left.isEmpty()) {
            return;
        }
        int before = Math.max(1, context.statusTracker().getExecutorInfos().length - 1);
        for (String executor : left) {
            context.killExecutor(executor);
        }
        context.requestExecutors(more(before, left.size()));
        remaining(left, Duration.ofSeconds(30));
    }

    /**
     * Killing lowers the number of executors that Spark asks for. On a standalone cluster, where no number was asked for, the first kill sets it to
     * zero, so all of them must be asked for again; elsewhere only the killed ones.
     */
    private int more(int before, int killed) {
        String master = context.master();
        boolean standalone = master.startsWith("spark://") || master.startsWith("local-cluster");
        boolean counted = killedBefore || context.conf().contains("spark.executor.instances");
        killedBefore = true;
        return standalone && !counted ? before : killed;
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

    /** Executors that have gone so far, in no order. */
    List<String> gone() {
        return List.copyOf(removed.keySet());
    }
}
