/**
 * Losses of pairs of answers (direct preference optimisation, arXiv 2305.18290). {@link ai.sparktron.trainer.preference.PreferenceLoss} is the formulas,
 * {@link ai.sparktron.trainer.preference.PairObjective} what the head of a model asks. Knows nothing of schedules, data sets and Spark.
 */
package ai.sparktron.trainer.preference;
