/**
 * All the maths. {@link ai.sparktron.trainer.kernels.Kernels} is the contract that every engine fulfils and {@code KernelsContract} (test sources)
 * the proof against a plain-Java reference; {@link ai.sparktron.trainer.kernels.Engine} is one device with its memory and kernels, made by an
 * engine's factory: {@code nd4j.Nd4jEngines} on the CPU, {@code cuda} on GPUs.
 *
 * <p>Imports only {@code tensor}; {@code org.nd4j} and {@code org.bytedeco.openblas} appear in {@code .nd4j} alone, {@code org.bytedeco.cuda} in
 * {@code .cuda} alone.
 */
package ai.sparktron.trainer.kernels;
