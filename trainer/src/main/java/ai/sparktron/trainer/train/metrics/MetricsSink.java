package ai.sparktron.trainer.train.metrics;

/** Takes the figures of a run as they come. Used by one thread. A sink that cannot write throws: figures are never lost silently. */
public interface MetricsSink extends AutoCloseable {

    void step(StepMetrics metrics);

    void evaluation(EvaluationMetrics metrics);

    /** Comes with {@link #step}, of models with experts. */
    default void experts(ExpertTokens tokens) {
        // Most places have no room for a number for each expert of each layer.
    }

    @Override
    void close();
}
