// Products in which a matrix meets a vector, or two vectors meet: they move the matrix once, which libraries that multiply tiles do at a tenth of the memory's rate.

using T = TYPE;             // of the operands
using U = RESULT;
constexpr int W = LANES;    // neighbours that a thread takes at a time

/** out[row] = or += x[row] y, a warp to a row; sums in float32. */
extern "C" __global__ void __launch_bounds__(256) dots(const T* x, i64 stride, const T* y, U* out, i64 outStride, int accumulate, i64 rows, i64 columns) {
    int lane = threadIdx.x % 32;
    i64 warp = ((i64) blockIdx.x * blockDim.x + threadIdx.x) / 32, warps = (i64) gridDim.x * blockDim.x / 32;
    for (i64 row = warp; row < rows; row += warps) {
        const T* from = x + row * stride;
        float sum = 0;
#pragma unroll 8
        for (i64 column = lane * W; column < columns; column += 32 * W) {
            Pack<T, W> a = load<W>(from + column), b = load<W>(y + column);
#pragma unroll
            for (int i = 0; i < W; i++) sum += real(a.at[i]) * real(b.at[i]);
        }
        sum = warpSum(sum);
        if (lane == 0) out[row * outStride] = rounded<U>(accumulate ? real(out[row * outStride]) + sum : sum);
    }
}

/** out[row][column] = or += x[row] * y[column]. */
extern "C" __global__ void __launch_bounds__(256) outer(const T* x, i64 xStride, const T* y, U* out, i64 stride, int accumulate, i64 rows, i64 columns) {
    eachPack<W>(rows, columns, [&](i64 row, i64 column, auto lanes) {
        constexpr int L = decltype(lanes)::count;
        float factor = real(x[row * xStride]);
        Pack<T, L> from = load<L>(y + column);
        U* at = out + row * stride + column;
        Pack<U, L> to;
        if (accumulate) to = load<L>(at);
#pragma unroll
        for (int i = 0; i < L; i++) to.at[i] = rounded<U>(accumulate ? real(to.at[i]) + factor * real(from.at[i]) : factor * real(from.at[i]));
        store(at, to);
    });
}
