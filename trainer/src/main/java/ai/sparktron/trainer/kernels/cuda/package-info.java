/**
 * NVIDIA GPUs through CUDA: start with {@link ai.sparktron.trainer.kernels.cuda.CudaEngine}, which puts the parts together.
 * {@link ai.sparktron.trainer.kernels.cuda.CudaDevice} loads the driver, opens one GPU and owns its stream;
 * {@link ai.sparktron.trainer.kernels.cuda.KernelModule} compiles and launches kernels on it, {@link ai.sparktron.trainer.kernels.cuda.DeviceMemory} is its
 * memory. Products are cuBLASLt's ({@code CudaProducts}), attention is cuDNN's or our own ({@code CudaAttention}).
 *
 * <p>Nothing native is loaded before a device is opened or a kernel compiled. {@link ai.sparktron.trainer.kernels.cuda.KernelCompiler} needs no GPU.
 * Sources of kernels are resources beside these classes.
 */
package ai.sparktron.trainer.kernels.cuda;
