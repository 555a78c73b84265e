// Softmax statistics and the gradient of cross entropy over rows of logits, each in one pass.

using T = TYPE;
constexpr int W = LANES;    // divides the row stride; columns past the last whole pack are taken one by one

/** Running sum of exp(x - largest): scaled anew whenever a larger x comes. */
struct Sum {
    float largest = -INFINITE, sum = 0;
};

/** What exponents are taken relative to: never an infinity where there is no logit at all, so that NaN comes from NaN only. */
FORCE float shift(float largest) { return largest == -INFINITE ? 0.0f : largest; }

template <int L> FORCE void add(Sum& total, const Pack<T, L>& pack) {
    float largest = total.largest;
#pragma unroll
    for (int i = 0; i < L; i++) largest = fmaxf(largest, real(pack.at[i]));
    if (largest > total.largest) {
        total.sum *= __expf(total.largest - largest);
        total.largest = largest;
    }
    float base = shift(largest), sum = 0;
#pragma unroll
    for (int i = 0; i < L; i++) sum += __expf(real(pack.at[i]) - base);
    total.sum += sum;
}

/** A block a row. */
extern "C" __global__ void __launch_bounds__(512) softmaxStatistics(const T* logits, i64 stride, int columns, const int* labels, i64 firstColumn,
                                                                    float* logSumExp, float* picked) {
    __shared__ float maxima[16];
    const T* row = logits + blockIdx.x * stride;
    int packs = columns / W;
    Sum total;
    // Four packs at once, so that a thread waits for memory once for all of them.
    int pack = threadIdx.x;
    for (; pack + 3 * (int) blockDim.x < packs; pack += 4 * blockDim.x) {
        Pack<T, W> four[4];
#pragma unroll
        for (int i = 0; i < 4; i++) four[i] = load<W>(row + (i64) (pack + i * (int) blockDim.x) * W);
#pragma unroll
        for (int i = 0; i < 4; i++) add<W>(total, four[i]);
    }
    for (; pack < packs; pack += blockDim.x) add<W>(total, load<W>(row + (i64) pack * W));
    if (packs * W + (int) threadIdx.x < columns) add<1>(total, load<1>(row + packs * W + threadIdx.x));
    float largest = warpMax(total.largest);
    if (threadIdx.x % 32 == 0) maxima[threadIdx.x / 32] = largest;
    __syncthreads();
    largest = warpMax(maxima[threadIdx.x % (blockDim.x / 32)]);
    float sum = blockSum(total.sum * __expf(total.largest == largest ? 0.0f : total.largest - largest));
    if (threadIdx.x == 0) {
        logSumExp[blockIdx.x] = shift(largest) + logf(sum);
        int label = labels[blockIdx.x];
        i64 column = label - firstColumn;
        picked[blockIdx.x] = label >= 0 && column >= 0 && column < columns ? real(row[column]) : 0.0f;
    }
}

template <int L> FORCE void toGrad(T* at, float logSumExp, float scale, i64 distance) {
    Pack<T, L> pack = load<L>(at);
#pragma unroll
    for (int i = 0; i < L; i++) pack.at[i] = rounded<T>(scale * (__expf(real(pack.at[i]) - logSumExp) - (i == distance ? 1.0f : 0.0f)));
    store(at, pack);
}

/** logits = scale * (exp(logits - logSumExp) - one at the label), zeros without a label. Blocks (part of the row, row). */
extern "C" __global__ void __launch_bounds__(512) crossEntropyGrad(T* logits, i64 stride, int columns, const float* logSumExp, const int* labels,
                                                                   i64 firstColumn, const float* scales, i64 firstRow) {
    i64 row = firstRow + blockIdx.y;
    T* at = logits + row * stride;
    int packs = columns / W, pack = blockIdx.x * blockDim.x + threadIdx.x, step = gridDim.x * blockDim.x;
    int label = labels[row], rest = packs * W + pack;
    if (label < 0) {
        for (; pack < packs; pack += step) store(at + (i64) pack * W, Pack<T, W>{});
        if (rest < columns) store(at + rest, Pack<T, 1>{});
        return;
    }
    float base = logSumExp[row], scale = scales[row];
    i64 column = label - firstColumn;
    for (; pack < packs; pack += step) toGrad<W>(at + (i64) pack * W, base, scale, column - (i64) pack * W);
    if (rest < columns) toGrad<1>(at + rest, base, scale, column - rest);
}
