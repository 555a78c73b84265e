// Sums over rows in two stages, in an order that depends on the sizes alone.

using T = TYPE;             // of what is summed
using U = RESULT;           // of the sums
constexpr int W = LANES;
constexpr int WARPS = 8;

/**
 * partial[split][column] = sum over the rows of that split, each times its factor. Blocks (tile of 32 * W columns, split); each of the block's 8 warps takes every
 * eighth row.
 */
template <class F> FORCE void addRows(const T* x, i64 stride, i64 rows, int columns, float* partial, F factor) {
    __shared__ float sums[WARPS][32 * W + 1];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int column = (blockIdx.x * 32 + lane) * W;
    i64 first = rows * blockIdx.y / gridDim.y, last = rows * (blockIdx.y + 1) / gridDim.y;
    float sum[W] = {};
    if (column < columns) {
#pragma unroll 4
        for (i64 row = first + warp; row < last; row += WARPS) {
            Pack<T, W> pack = load<W>(x + row * stride + column);
#pragma unroll
            for (int i = 0; i < W; i++) sum[i] += factor(row) * real(pack.at[i]);
        }
    }
#pragma unroll
    for (int i = 0; i < W; i++) sums[warp][lane * W + i] = sum[i];
    __syncthreads();
    for (int i = threadIdx.x; i < 32 * W && blockIdx.x * 32 * W + i < columns; i += blockDim.x) {
        float total = 0;
#pragma unroll
        for (int w = 0; w < WARPS; w++) total += sums[w][i];
        partial[(i64) blockIdx.y * columns + blockIdx.x * 32 * W + i] = total;
    }
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) columnSums(const T* x, i64 stride, i64 rows, int columns, float* partial) {
    addRows(x, stride, rows, columns, partial, [](i64) { return 1.0f; });
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) weightedSums(const T* x, i64 stride, i64 rows, int columns, const T* factors, i64 factorStride, float* partial) {
    addRows(x, stride, rows, columns, partial, [&](i64 row) { return real(factors[row * factorStride]); });
}

/** out[column] += sum over the parts of partial[part][column]. A block has 32 columns and 32 warps, each of which takes every 32nd part. */
extern "C" __global__ void __launch_bounds__(1024) addPartials(const float* partial, int parts, int columns, U* out) {
    __shared__ float sums[32][33];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int column = blockIdx.x * 32 + lane;
    float sum = 0;
    if (column < columns) {
#pragma unroll 8
        for (int part = warp; part < parts; part += 32) sum += partial[(i64) part * columns + column];
    }
    sums[warp][lane] = sum;
    __syncthreads();
    // Warp w adds up column w of the block.
    float total = warpSum(sums[lane][warp]);
    column = blockIdx.x * 32 + warp;
    if (lane == 0 && column < columns) out[column] = rounded<U>(real(out[column]) + total);
}
