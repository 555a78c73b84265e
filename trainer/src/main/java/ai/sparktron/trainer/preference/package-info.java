/**
 * Losses of pairs of answers (direct preference optimisation, arXiv 2305.18290). {@link ai.sparktron.trainer.preference.PreferenceLoss} is the formulas,
 * {@link ai.sparktron.trainer.preference.PairObjective} what the head of a model asks; {@link ai.sparktron.trainer.preference.LabelledLoss} and
 * {@link ai.sparktron.trainer.preference.LabelledObjective} are the same for single answers that are good or bad (arXiv 2402.01306). Knows nothing of schedules, data sets and Spark.
 */
package ai.sparktron.trainer.preference;
