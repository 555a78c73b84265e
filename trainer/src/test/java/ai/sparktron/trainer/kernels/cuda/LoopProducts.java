package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.Fp8Kernels;
import ai.sparktron.trainer.kernels.Quantised;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.List;

/** Products by the plainest loop, one thread an element: so that all other kernels can be tried where there is a compiler and a driver but no cuBLASLt. */
final class LoopProducts implements DeviceProducts {

    private static final String SOURCE = """
            #define LOOP(A, a, B, b) \\
            extern "C" __global__ void loop_##a##_##b(const A* x, i64 xRow, i64 xColumn, const A* y, i64 yRow, i64 yColumn, B* z, i64 stride, int accumulate, i64 m, i64 n, i64 k) { \\
                for (i64 e = (i64) blockIdx.x * blockDim.x + threadIdx.x; e < m * n; e += (i64) gridDim.x * blockDim.x) { \\
                    i64 r = e / n, c = e % n; \\
                    float sum = 0; \\
                    for (i64 i = 0; i < k; i++) sum += real(x[r * xRow + i * xColumn]) * real(y[i * yRow + c * yColumn]); \\
                    B* to = z + r * stride + c; \\
                    *to = rounded<B>(accumulate ? real(*to) + sum : sum); \\
                } \\
            }
            LOOP(float, F32, float, F32)
            LOOP(bf16, BF16, bf16, BF16)
            LOOP(bf16, BF16, float, F32)
            LOOP(f16, F16, f16, F16)
            LOOP(f16, F16, float, F32)

            __device__ float decoded(const unsigned char* x, const float* scales, i64 stride, int blocks, int exponents, i64 row, i64 column, i64 k) {
                float scale = scales[blocks == 0 ? 0 : blocks == 1 ? column / 128 * stride + row : row / 128 * stride + column / 128];
                unsigned bits = x[row * k + column], fraction = exponents == 4 ? 3 : 2, power = (bits & 0x7f) >> fraction, rest = bits & (1 << fraction) - 1;
                float value = power == 0 ? rest * (exponents == 4 ? 0x1p-9f : 0x1p-16f)
                        : __uint_as_float((power + 127 - (exponents == 4 ? 7 : 15)) << 23 | rest << 23 - fraction);
                return (bits & 0x80 ? -value : value) * scale;
            }

            #define FP8(B, b) \\
            extern "C" __global__ void loopFp8_##b(const unsigned char* x, const float* xScales, i64 xStride, int xBlocks, int xExponents, const unsigned char* y, \\
                    const float* yScales, i64 yStride, int yBlocks, int yExponents, B* z, i64 stride, int accumulate, i64 m, i64 n, i64 k) { \\
                for (i64 e = (i64) blockIdx.x * blockDim.x + threadIdx.x; e < m * n; e += (i64) gridDim.x * blockDim.x) { \\
                    i64 r = e / n, c = e % n; \\
                    float sum = 0; \\
                    for (i64 i = 0; i < k; i++) sum += decoded(x, xScales, xStride, xBlocks, xExponents, r, i, k) * decoded(y, yScales, yStride, yBlocks, yExponents, c, i, k); \\
                    B* to = z + r * stride + c; \\
                    *to = rounded<B>(accumulate ? real(*to) + sum : sum); \\
                } \\
            }
            FP8(float, F32)
            FP8(bf16, BF16)
            FP8(f16, F16)
            """;

    private final KernelModule module;

    LoopProducts(CudaEngine.Foundation engine) {
        module = new KernelModule(engine.device(), new CubinCache(engine.settings().folder()), "loop.cu", KernelCompiler.source("types.cuh") + "\n" + SOURCE, List.of());
    }

    @Override
    public void matmul(Tensor a, Transpose transposeA, Tensor b, Transpose transposeB, Tensor out, Write write) {
        boolean flipA = transposeA == Transpose.YES;
        boolean flipB = transposeB == Transpose.YES;
        module.kernel("loop_" + a.dtype() + "_" + out.dtype()).pointer(a).longInteger(flipA ? 1 : a.rowStride())
                .longInteger(flipA ? a.rowStride() : 1).pointer(b).longInteger(flipB ? 1 : b.rowStride()).longInteger(flipB ? b.rowStride() : 1).matrix(out)
                .integer(write == Write.ACCUMULATE ? 1 : 0).longInteger(out.rows()).longInteger(out.columns()).longInteger(flipA ? a.rows() : a.columns())
                .launch((int) Math.min(1024, (out.elements() + 127) / 128), 1, 1, 128, 0);
    }

    @Override
    public void product(Quantised a, Quantised b, Tensor out, Write write, Fp8Kernels.Sums sums) {
        Kernel kernel = module.kernel("loopFp8_" + out.dtype());
        operand(kernel, a);
        operand(kernel, b);
        kernel.matrix(out).integer(write == Write.ACCUMULATE ? 1 : 0).longInteger(out.rows()).longInteger(out.columns()).longInteger(a.elements().columns())
                .launch((int) Math.min(1024, (out.elements() + 127) / 128), 1, 1, 128, 0);
    }

    private static void operand(Kernel kernel, Quantised matrix) {
        kernel.pointer(matrix.elements()).pointer(matrix.scales()).longInteger(matrix.scales().columns()).integer(matrix.blocks().ordinal())
                .integer(matrix.elements().dtype() == DType.F8_E4M3 ? 4 : 5);
    }

    @Override
    public void close() {
        module.close();
    }
}
