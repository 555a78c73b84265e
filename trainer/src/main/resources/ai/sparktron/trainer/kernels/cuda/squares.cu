// The sum of squares in double precision, in two stages whose order depends on the sizes alone; and what the gradient is multiplied by because of it.

using T = TYPE;
using U = RESULT;           // float or double
constexpr int W = LANES;

/** partial[block] = the block's share. */
extern "C" __global__ void __launch_bounds__(512) sumOfSquares(const T* x, i64 stride, i64 rows, i64 columns, double* partial) {
    double sum = 0;
    eachPack<W>(rows, columns, [&](i64 row, i64 column, auto lanes) {
        constexpr int L = decltype(lanes)::count;
        Pack<T, L> pack = load<L>(x + row * stride + column);
#pragma unroll
        for (int i = 0; i < L; i++) {
            double value = real(pack.at[i]);
            sum += value * value;
        }
    });
    sum = blockSum(sum);
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

/** out[0] = or += the sum of the parts; one block. */
extern "C" __global__ void __launch_bounds__(1024) addSquares(const double* partial, int parts, U* out, int accumulate) {
    double sum = 0;
    for (int i = threadIdx.x; i < parts; i += blockDim.x) sum += partial[i];
    sum = blockSum(sum);
    if (threadIdx.x == 0) out[0] = (U) (accumulate ? out[0] + sum : sum);
}

/**
 * norm = sqrt(squares) / |denominator|; factor = 1 / denominator * min(1, clip / (norm + 1e-6)). A denominator of 0 counts as no gradient at all, a clip of 0 as no
 * clipping; squares that are not finite give a factor that is not. One thread.
 */
extern "C" __global__ void gradientFactor(const U* squares, double denominator, double clip, float* factor, float* norm) {
    double mean = denominator == 0 ? 0 : 1 / denominator;
    double length = sqrt((double) squares[0]) * fabs(mean);
    double clipping = clip > 0 && clip < length + 1e-6 ? clip / (length + 1e-6) : 1;
    norm[0] = (float) length;
    factor[0] = length - length == 0 ? (float) (mean * clipping) : __int_as_float(0x7fc00000);
}
