/**
 * Saved training state: {@link ai.sparktron.trainer.checkpoint.CheckpointStore} finds, commits and retires checkpoints,
 * {@link ai.sparktron.trainer.checkpoint.StateWriter} and {@link ai.sparktron.trainer.checkpoint.StateReader} move one rank's tensors, which are described
 * by {@link ai.sparktron.trainer.checkpoint.GlobalSlice}s of the model's global tensors, so that any grid reads what any other wrote.
 *
 * <p>A checkpoint {@code checkpoint-N} is a Hugging Face model directory with the training state in {@code iter_000000N} beneath. It is written under a temporary
 * name and renamed when complete; {@code manifest.json} is written last and lists every file with size and checksums.
 *
 * <p>Imports {@code tensor}, {@code kernels} and {@code data}; never layers.
 */
package ai.sparktron.trainer.checkpoint;
