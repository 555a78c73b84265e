package ai.sparktron.jobs.barrier;

import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.spark.SparkConf;

/** Spark's own settings that a barrier job with one rank per task needs. */
public final class SparkPreparation {

    private static final String DYNAMIC_ALLOCATION = "spark.dynamicAllocation.enabled";

    private SparkPreparation() {
    }

    /**
     * Sets what is needed and not set by the user; call it before the context starts.
     *
     * @throws IllegalArgumentException when the user has set something that cannot work, see {@link #check}
     */
    public static SparkConf prepare(SparkConf conf) {
        Map<String, String> wanted = new LinkedHashMap<>();
        wanted.put(DYNAMIC_ALLOCATION, "false");
        wanted.put("spark.speculation", "false");
        wanted.put("spark.task.reaper.enabled", "true");
        wanted.put("spark.task.reaper.killTimeout", "30s");
        wanted.put("spark.scheduler.barrier.maxConcurrentTasksCheck.interval", "1s");
        wanted.put("spark.scheduler.barrier.maxConcurrentTasksCheck.maxFailures", "30");
        wanted.forEach(conf::setIfMissing);
        String plugins = conf.get("spark.plugins", "");
        if (!plugins.contains(ControlPlugin.class.getName())) {
            conf.set("spark.plugins", plugins.isEmpty() ? ControlPlugin.class.getName() : plugins + "," + ControlPlugin.class.getName());
        }
        check(conf);
        return conf;
    }

    /**
     * Refuses what cannot work.
     *
     * @throws IllegalArgumentException naming the setting, why, and what to change
     */
    public static void check(SparkConf conf) {
        if (conf.getBoolean(DYNAMIC_ALLOCATION, false)) {
            throw new IllegalArgumentException(DYNAMIC_ALLOCATION + " is true, expected false: all ranks must run at the same time, and Spark refuses"
                    + " barrier jobs under dynamic allocation. Submit with --conf " + DYNAMIC_ALLOCATION + "=false and a fixed number of executors"
                    + " (EMR and autoscaling clusters switch it on by default)");
        }
        BarrierSettings.from(conf);
    }
}
