package ai.sparktron.pipeline.spark;

import org.apache.spark.sql.SparkSession;

/** One Spark session for all tests of the module: starting one costs seconds. */
final class TestSpark {

    private static SparkSession session;

    private TestSpark() {
    }

    static synchronized SparkSession session() {
        if (session == null) {
            session = SparkSession.builder().master("local[2,2]").appName("pipeline tests").config("spark.ui.enabled", "false")
                    .config("spark.sql.shuffle.partitions", "2").config("spark.sql.warehouse.dir", System.getProperty("java.io.tmpdir") + "/warehouse")
                    .config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1").getOrCreate();
            session.sparkContext().setLogLevel("ERROR");
        }
        return session;
    }
}
