/**
 * Training: {@link ai.sparktron.trainer.train.TrainRun} is one rank's run from options to the last save, {@link ai.sparktron.trainer.train.TrainLoop} the loop itself,
 * {@link ai.sparktron.trainer.train.StepRunner} one optimizer step.
 *
 * <p>Never imports Spark, ND4J or CUDA classes: engines and groups are handed in.
 */
package ai.sparktron.trainer.train;
