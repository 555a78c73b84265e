/**
 * Families as data: {@link ai.sparktron.trainer.model.ModelConfig} is what a {@code config.json} says, read by
 * {@link ai.sparktron.trainer.model.ConfigReader} under the rules of its {@link ai.sparktron.trainer.model.Family};
 * {@link ai.sparktron.trainer.model.DecoderSpecs} lists the parameters of a model, and {@link ai.sparktron.trainer.model.Parameters} lays them out in flat
 * buffers.
 *
 * <p>There is no maths on tensors here and no knowledge of ranks: a {@link ai.sparktron.trainer.model.Slicing} says which part of a tensor is held.
 * Imports {@code tensor} only; never kernels, layers or comm.
 *
 * <p>Letters: D embedding (hidden size), H query heads, G key/value heads, K size of a head, F feed-forward size, V vocabulary, L layers.
 */
package ai.sparktron.trainer.model;
