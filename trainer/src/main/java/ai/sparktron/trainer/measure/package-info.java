/**
 * What a rank would take and do, counted without doing it: {@link ai.sparktron.trainer.measure.MeasuringEngine} has kernels that only count work,
 * {@link ai.sparktron.trainer.measure.LedgerArena} counts memory by name, {@link ai.sparktron.trainer.measure.MeasuringWorld} counts communication. The training code
 * runs on them as it is, so that figures are those of a run by construction. Must not import layers, models or training.
 */
package ai.sparktron.trainer.measure;
