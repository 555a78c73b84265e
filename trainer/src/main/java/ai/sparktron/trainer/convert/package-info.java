/**
 * Hugging Face directories in and out: {@link ai.sparktron.trainer.convert.HuggingFaceImporter} reads weights into a rank's parameters,
 * {@link ai.sparktron.trainer.convert.HuggingFaceExporter} writes a directory that Hugging Face loads, {@link ai.sparktron.trainer.convert.PrecisionTest}
 * compares two of them. Memory is bounded: a piece of a tensor at a time.
 *
 * <p>Imports {@code tensor}, {@code kernels}, {@code model} and {@code layer}; never comm.
 */
package ai.sparktron.trainer.convert;
