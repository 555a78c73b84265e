/**
 * Where parallel strategies plug into layers: {@link ai.sparktron.trainer.seam.Seams} gathers them. Layers call these interfaces and know nothing of ranks;
 * strategies implement them and know nothing of layers. Each has a default that does nothing and allocates nothing.
 *
 * <p>Imports {@code tensor}, {@code kernels} and {@code model}.
 */
package ai.sparktron.trainer.seam;
