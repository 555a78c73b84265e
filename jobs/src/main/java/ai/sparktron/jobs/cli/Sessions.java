package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.barrier.SparkPreparation;
import ai.sparktron.trainer.config.Options;
import org.apache.spark.SparkConf;
import org.apache.spark.sql.SparkSession;

/** Spark sessions of commands. Only commands that need Spark load this class. */
final class Sessions {

    private Sessions() {
    }

    /** Whether this process has a Spark session already. */
    static boolean contextExists() {
        return SparkSession.getDefaultSession().isDefined();
    }

    /**
     * The session of a command: the one that exists, else a new one. Without a master, or with the default {@code local[*]}, there are at
     * least as many local slots as ranks.
     */
    static SparkSession open(Options options) {
        if (contextExists()) {
            return SparkSession.getDefaultSession().get();
        }
        SparkConf conf = new SparkConf();
        SparkSession.Builder builder = SparkSession.builder().appName(conf.get("spark.app.name", "sparktron " + options.command().word()))
                .config(options.command().trains() ? SparkPreparation.prepare(conf) : conf);
        String master = options.cluster().master().orElse(System.getProperty("spark.master", "local[*]"));
        if (master.equals("local[*]")) {
            int slots = Math.max(Runtime.getRuntime().availableProcessors(), options.derived().numRanks());
            master = "local[" + slots + "]";
        }
        return builder.master(master).getOrCreate();
    }
}
