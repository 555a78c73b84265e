package ai.sparktron.jobs.barrier;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import scala.Function1;
import scala.collection.JavaConverters;
import scala.reflect.ClassTag$;

/**
 * Barrier mode from Java, which has no call for it: the only class that touches Scala's collections. {@code JavaConverters} is deprecated in Scala 2.13
 * but the only bridge that 2.12 has too, so one class file serves all Spark lines.
 */
final class BarrierStage {

    /** A function that Spark can send. */
    private interface Body extends Function1<scala.collection.Iterator<Integer>, scala.collection.Iterator<String>>, Serializable {
    }

    private BarrierStage() {
    }

    /** Runs the task once per partition, all at the same time, and collects what they give. Blocks until the job is over. */
    static List<String> run(JavaSparkContext spark, int partitions, RankTask task) {
        List<Integer> numbers = new ArrayList<>();
        for (int i = 0; i < partitions; i++) {
            numbers.add(i);
        }
        Body body = ignored -> iterator(task);
        JavaRDD<String> results = spark.parallelize(numbers, partitions).rdd().barrier()
                .mapPartitions(body, false, ClassTag$.MODULE$.<String>apply(String.class)).toJavaRDD();
        return results.collect();
    }

    @SuppressWarnings("deprecation")
    private static scala.collection.Iterator<String> iterator(RankTask task) {
        try {
            Iterator<String> results = task.run();
            return JavaConverters.asScalaIterator(results);
        } catch (Exception failure) {
            throw sneaky(failure);
        }
    }

    /** Spark treats an {@code InterruptedException} as a kill only when it comes unwrapped. */
    @SuppressWarnings("unchecked")
    private static <E extends Throwable> RuntimeException sneaky(Throwable failure) throws E {
        throw (E) failure;
    }
}
