// Cross entropy over rows of logits; a block a row, one reading.
FORCE void join(float& largest, float& sum, float otherLargest, float otherSum) {
    float both = fmaxf(largest, otherLargest);
    if (both > -INFINITE) sum = sum * __expf(largest - both) + otherSum * __expf(otherLargest - both);
    largest = both;
}

#define LOSS(T, name, N) LOSS_OF(T, name##_v, N) LOSS_OF(T, name##_s, 1)
#define LOSS_OF(T, name, V) \
extern "C" __global__ void softmaxStatistics_##name(const T* logits, i64 sl, const int* labels, i64 firstColumn, float* logSumExp, float* picked, i64 columns) { \
    __shared__ float largests[32], sums[32]; \
    i64 t = blockIdx.x; \
    const T* row = logits + t * sl; \
    float largest = -INFINITE, sum = 0; \
    for (i64 c = (i64) threadIdx.x * V; c < columns; c += (i64) blockDim.x * V) { \
        Vec<T, V> x = load<T, V>(row + c); \
        float here = real(x.v[0]); \
        for (int i = 1; i < V; i++) here = fmaxf(here, real(x.v[i])); \
        if (here > largest) { \
            sum *= __expf(largest - here); \
            largest = here; \
        } \
        if (largest > -INFINITE) for (int i = 0; i < V; i++) sum += __expf(real(x.v[i]) - largest); \
        else for (int i = 0; i < V; i++) sum += real(x.v[i]) != real(x.v[i]) ? real(x.v[i]) : 0.0f; \
    } \
    for (int d = 16; d > 0; d /= 2) join(largest, sum, __shfl_xor_sync(0xffffffffu, largest, d, 32), __shfl_xor_sync(0xffffffffu, sum, d, 32)); \
    if (threadIdx.x % 32 == 0) { \
        largests[threadIdx.x / 32] = largest; \
        sums[threadIdx.x / 32] = sum; \
    } \
    __syncthreads(); \
    if (threadIdx.x != 0) return; \
    for (int w = 1; w < (int) blockDim.x / 32; w++) join(largest, sum, largests[w], sums[w]); \
    i64 column = labels[t] - firstColumn; \
    logSumExp[t] = sum == 0 ? -INFINITE : largest + logf(sum); \
    picked[t] = labels[t] >= 0 && column >= 0 && column < columns ? real(row[column]) : 0; \
} \
extern "C" __global__ void crossEntropyGrad_##name(T* logits, i64 sl, const float* logSumExp, const int* labels, i64 firstColumn, const float* scale, \
        i64 rows, i64 columns) { \
    EACH(t, c, rows, columns, V) { \
        Vec<T, V> x; \
        int label = labels[t]; \
        if (label < 0) for (int i = 0; i < V; i++) x.v[i] = rounded<T>(0); \
        else { \
            float all = logSumExp[t], factor = scale[t]; \
            i64 target = label - firstColumn - c; \
            x = load<T, V>(logits + t * sl + c); \
            for (int i = 0; i < V; i++) x.v[i] = rounded<T>(factor * (__expf(real(x.v[i]) - all) - (i == target ? 1.0f : 0.0f))); \
        } \
        store<T, V>(logits + t * sl + c, x); \
    } \
}
ACTIVATIONS(LOSS)
