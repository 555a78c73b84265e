package ai.sparktron.jobs.cli;

/** The process we run in: our own, or one that someone else owns. */
final class Host {

    private Host() {
    }

    /**
     * Whether the process belongs to a notebook, a Databricks job or another program: a Spark context is already there, or the
     * platform's classes are. Such a process must not be ended, nor its context stopped. Asked before a session of ours exists.
     */
    static boolean isGuest() {
        if (System.getenv("DATABRICKS_RUNTIME_VERSION") != null || System.getProperty("zeppelin.interpreter.localRepo") != null) {
            return true;
        }
        return sparkIsLoaded() && Sessions.contextExists();
    }

    private static boolean sparkIsLoaded() {
        try {
            Class.forName("org.apache.spark.SparkContext", false, Host.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException e) {
            return false;
        }
    }
}
