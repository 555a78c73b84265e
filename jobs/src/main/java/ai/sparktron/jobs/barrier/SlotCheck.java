package ai.sparktron.jobs.barrier;

import java.lang.reflect.Method;
import java.time.Duration;
import java.util.OptionalInt;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkExecutorInfo;

/**
 * Whether all ranks can run at once, before anything starts. Spark's own check answers after minutes and does not say what is missing.
 */
final class SlotCheck {

    private final SparkContext context;

    SlotCheck(SparkContext context) {
        this.context = context;
    }

    /**
     * Waits for free slots.
     *
     * @throws IllegalStateException when they do not come in time: how many are needed, how many there are, and what to change
     */
    void await(int ranks, Duration timeout) throws InterruptedException {
        long deadline = System.nanoTime() + timeout.toNanos();
        while (true) {
            OptionalInt slots = slots();
            if (slots.isEmpty() || slots.getAsInt() - busy() >= ranks) {
                return;
            }
            boolean hopeless = context.isLocal() && slots.getAsInt() < ranks;
            if (System.nanoTime() >= deadline || hopeless) {
                throw new IllegalStateException(message(ranks, slots.getAsInt(), timeout));
            }
            Thread.sleep(200);
        }
    }

    private String message(int ranks, int slots, Duration timeout) {
        if (context.isLocal()) {
            return ranks + " ranks need " + ranks + " free slots at the same time, but " + context.master() + " has " + slots + " with " + busy()
                    + " busy; use --master local[" + ranks + "] or fewer ranks, and wait for other jobs";
        }
        int executors = Math.max(0, context.statusTracker().getExecutorInfos().length - 1);
        String gpus = context.conf().get("spark.task.resource.gpu.amount", "none");
        return ranks + " ranks need " + ranks + " free slots at the same time, but after " + timeout.toSeconds() + " s there are " + slots
                + " slots on " + executors + " executor(s), " + busy() + " of them busy. Give more executors or cores (--num-executors,"
                + " --executor-cores, --total-executor-cores), check spark.task.cpus=" + context.conf().get("spark.task.cpus", "1")
                + " and spark.task.resource.gpu.amount=" + gpus + " against what the executors have, wait for other jobs, or use fewer ranks";
    }

    private int busy() {
        int busy = 0;
        for (SparkExecutorInfo executor : context.statusTracker().getExecutorInfos()) {
            busy += executor.numRunningTasks();
        }
        return busy;
    }

    /**
     * Tasks that fit at once on the executors there are, counting cores and GPUs. Spark keeps the figure but has no public call for it; where a version
     * has renamed it, its own later check has to do.
     */
    private OptionalInt slots() {
        try {
            Object manager = SparkContext.class.getMethod("resourceProfileManager").invoke(context);
            Object profile = manager.getClass().getMethod("defaultResourceProfile").invoke(manager);
            Method count = SparkContext.class.getMethod("maxNumConcurrentTasks", profile.getClass());
            return OptionalInt.of((Integer) count.invoke(context, profile));
        } catch (ReflectiveOperationException | RuntimeException unknown) {
            return OptionalInt.empty();
        }
    }
}
