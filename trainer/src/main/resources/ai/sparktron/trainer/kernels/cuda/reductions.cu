// Sums over rows, and of squares. Additions have a fixed order, so results are the same bits at every call.

// partial[chunk, c] = sum over the chunk's rows of x[r, c]. A block is 32 lanes of columns by 8 groups of rows; grid y are the chunks.
#define COLUMN_SUMS(T, name, N) COLUMN_SUMS_OF(T, name##_v, N) COLUMN_SUMS_OF(T, name##_s, 1)
#define COLUMN_SUMS_OF(T, name, V) \
extern "C" __global__ void columnSums_##name(const T* x, i64 sx, float* partial, i64 rows, i64 columns, i64 rowsPerChunk) { \
    __shared__ float room[8][32 * V + 1]; \
    int lane = threadIdx.x % 32, group = threadIdx.x / 32; \
    i64 c = ((i64) blockIdx.x * 32 + lane) * V; \
    i64 from = blockIdx.y * rowsPerChunk, to = from + rowsPerChunk < rows ? from + rowsPerChunk : rows; \
    float sum[V]; \
    for (int i = 0; i < V; i++) sum[i] = 0; \
    if (c < columns) \
        for (i64 r = from + group; r < to; r += 8) { \
            Vec<T, V> a = load<T, V>(x + r * sx + c); \
            for (int i = 0; i < V; i++) sum[i] += real(a.v[i]); \
        } \
    for (int i = 0; i < V; i++) room[group][lane * V + i] = sum[i]; \
    __syncthreads(); \
    for (int i = threadIdx.x; i < 32 * V; i += 256) { \
        float all = 0; \
        for (int g = 0; g < 8; g++) all += room[g][i]; \
        i64 column = (i64) blockIdx.x * 32 * V + i; \
        if (column < columns) partial[blockIdx.y * columns + column] = all; \
    } \
}
ACTIVATIONS(COLUMN_SUMS)

// out[c] += the sum over the chunks of partial[chunk, c].
#define ADD_CHUNKS(T, name, N) \
extern "C" __global__ void addChunks_##name(const float* partial, i64 chunks, T* out, i64 columns) { \
    __shared__ float room[8][33]; \
    int lane = threadIdx.x % 32, group = threadIdx.x / 32; \
    i64 c = (i64) blockIdx.x * 32 + lane; \
    float sum = 0; \
    if (c < columns) for (i64 k = group; k < chunks; k += 8) sum += partial[k * columns + c]; \
    room[group][lane] = sum; \
    __syncthreads(); \
    if (group == 0 && c < columns) { \
        float all = 0; \
        for (int g = 0; g < 8; g++) all += room[g][lane]; \
        out[c] = rounded<T>(real(out[c]) + all); \
    } \
}
ACTIVATIONS(ADD_CHUNKS)

FORCE double blockSumOfDoubles(double x) {
    __shared__ double sums[32];
    for (int d = 16; d > 0; d /= 2) x += __shfl_xor_sync(0xffffffffu, x, d, 32);
    if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = x;
    __syncthreads();
    double all = 0;
    for (int w = 0; w < (int) blockDim.x / 32; w++) all += sums[w];
    return all;
}

// partial[block] = a share of the sum of squares. Squares of 4 packs are added in float32, the rest in float64.
#define SQUARES(T, name, N) SQUARES_OF(T, name##_v, N) SQUARES_OF(T, name##_s, 1)
#define SQUARES_OF(T, name, V) \
extern "C" __global__ void squares_##name(const T* x, i64 sx, i64 rows, i64 columns, double* partial) { \
    double sum = 0; \
    EACH(r, c, rows, columns, V) { \
        Vec<T, V> a = load<T, V>(x + r * sx + c); \
        float here = 0; \
        for (int i = 0; i < V; i++) here += real(a.v[i]) * real(a.v[i]); \
        sum += here; \
    } \
    double all = blockSumOfDoubles(sum); \
    if (threadIdx.x == 0) partial[(i64) blockIdx.y * gridDim.x + blockIdx.x] = all; \
}
ACTIVATIONS(SQUARES)

// out = or += the sum of the shares; one block.
#define ADD_SHARES(T, name) \
extern "C" __global__ void addShares_##name(const double* partial, i64 shares, T* out, int accumulate) { \
    double sum = 0; \
    for (i64 i = threadIdx.x; i < shares; i += blockDim.x) sum += partial[i]; \
    double all = blockSumOfDoubles(sum); \
    if (threadIdx.x == 0) *out = (T) (accumulate ? *out + all : all); \
}
ADD_SHARES(float, f32)
ADD_SHARES(double, f64)
