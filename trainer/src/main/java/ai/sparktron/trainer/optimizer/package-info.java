/**
 * The update: {@link ai.sparktron.trainer.optimizer.Optimizer} (AdamW, SGD) over flat buffers or over this rank's range of them,
 * {@link ai.sparktron.trainer.optimizer.LearningRateSchedule} and {@link ai.sparktron.trainer.optimizer.GradientScale} (normalisation, clipping).
 *
 * <p>Imports {@code tensor} and {@code kernels}; knows nothing of layers, groups or options.
 */
package ai.sparktron.trainer.optimizer;
