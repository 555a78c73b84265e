/**
 * Which parameters of a model are trained. {@link ai.sparktron.trainer.tuner.Tuning} is the entry: it turns options into trained and frozen parameters and low-rank
 * additions; {@link ai.sparktron.trainer.tuner.PeftConfig} is what an adapter says of itself in PEFT's files.
 *
 * <p>Imports {@code config} and {@code model}; there are no tensors here, and no ranks.
 */
package ai.sparktron.trainer.tuner;
