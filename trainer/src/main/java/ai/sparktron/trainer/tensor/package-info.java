/**
 * What memory is: start with {@link ai.sparktron.trainer.tensor.Tensor}, a name, a type, a shape and an address, and with
 * {@link ai.sparktron.trainer.tensor.Arena}, which owns the memory that tensors lie in. There is no maths here: all of it is in
 * {@code ai.sparktron.trainer.kernels}. {@link ai.sparktron.trainer.tensor.StackArena} is the arena of all engines,
 * {@link ai.sparktron.trainer.tensor.MeasuringMemory} the memory that only counts, {@link ai.sparktron.trainer.tensor.SafetensorsFolder} and
 * {@link ai.sparktron.trainer.tensor.SafetensorsFolderWriter} tensors on disk.
 *
 * <p>Legend of the letters used in shapes all over the trainer: T packed tokens, D embedding (hidden size), H query heads, G key/value heads, K size of
 * a head, F feed-forward size, V vocabulary, E experts.
 *
 * <p>This package imports nothing of the trainer.
 */
package ai.sparktron.trainer.tensor;
