/**
 * The update: {@link ai.sparktron.trainer.optimizer.Optimizer} (AdamW, SGD) over an {@link ai.sparktron.trainer.optimizer.OwnRange} of the flat
 * buffers, in the types of {@link ai.sparktron.trainer.optimizer.StateTypes}; {@link ai.sparktron.trainer.optimizer.LearningRateSchedule}.
 *
 * <p>Imports {@code tensor} and {@code kernels}; knows nothing of layers, groups or options.
 */
package ai.sparktron.trainer.optimizer;
