package ai.sparktron.trainer.kernels.nd4j;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Chooses the inner loops once and says why. */
final class RowMathProvider {

    private static final Logger LOG = LoggerFactory.getLogger(RowMathProvider.class);
    private static final int PROBE = 128;

    /** Asked once for all engines of the process, so that the reason is logged once. */
    private static final boolean VECTOR = vectorRuns();

    private RowMathProvider() {
    }

    /** The fastest provider this JVM can run, for one engine. */
    static RowMath best() {
        return VECTOR ? vector() : new ScalarRowMath();
    }

    /** The provider on the Vector API, by name. @throws IllegalStateException where this JVM cannot run it */
    static RowMath vector() {
        try {
            return (RowMath) Class.forName(RowMathProvider.class.getPackageName() + ".VectorRowMath").getDeclaredConstructor().newInstance();
        } catch (ReflectiveOperationException | LinkageError e) {
            throw new IllegalStateException("the Vector API of this Java (" + Runtime.version() + ") does not fit: " + e, e);
        }
    }

    private static boolean vectorRuns() {
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
            LOG.warn("Kernels run on scalar loops, about a third slower: the JVM has no module jdk.incubator.vector;"
                    + " start it with --add-modules jdk.incubator.vector (spark.executor.extraJavaOptions, spark.driver.extraJavaOptions)");
            return false;
        }
        try {
            RowMath vector = vector();
            vector.max(new float[PROBE], 0, PROBE);
            LOG.info("Kernels run on the {}", vector.name());
            return true;
        } catch (IllegalStateException | LinkageError e) {
            LOG.warn("Kernels run on scalar loops, about a third slower", e);
            return false;
        }
    }
}
