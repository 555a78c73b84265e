/**
 * The CPU engine, in two faces behind one contract: {@link ai.sparktron.trainer.kernels.nd4j.Nd4jEngines} opens either.
 * {@link ai.sparktron.trainer.kernels.nd4j.HostEngine} is the default: ND4J's memory and the products of the BLAS that ND4J loads, and loops of our
 * own on that memory for everything else. {@link ai.sparktron.trainer.kernels.nd4j.Nd4jKernels} says the same with ND4J's operations alone: short,
 * several times slower, and what ND4J's GPU backend can run.
 *
 * <p>The only package that may name {@code org.nd4j} and {@code org.bytedeco.openblas}. One thread uses an engine; results are the same bits at every
 * run on the same kind of processor.
 */
package ai.sparktron.trainer.kernels.nd4j;
