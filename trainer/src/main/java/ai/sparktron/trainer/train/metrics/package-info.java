/**
 * What people watch: {@link ai.sparktron.trainer.train.metrics.StepMetrics} and {@link ai.sparktron.trainer.train.metrics.EvaluationMetrics} go to every
 * {@link ai.sparktron.trainer.train.metrics.MetricsSink}: console lines, {@code logging.jsonl}, TensorBoard events; {@link ai.sparktron.trainer.train.metrics.CurvePlots}
 * draws PNG curves from the log at the end. Names of keys and tags are Megatron-SWIFT's.
 *
 * <p>Imports nothing of the trainer.
 */
package ai.sparktron.trainer.train.metrics;
