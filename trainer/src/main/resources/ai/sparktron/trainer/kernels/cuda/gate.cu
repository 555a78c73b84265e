// Logits of a router in float64, by tiles of tokens and experts.

using T = TYPE;
constexpr int TILE = 32;    // tokens, and experts, of a block of 256 threads
constexpr int STEP = 16;    // columns that lie in shared memory at a time
constexpr int OWN = 4;      // tokens of a thread, eight apart

FORCE void fill(const T* from, i64 stride, i64 rows, i64 columns, i64 firstRow, i64 firstColumn, double (&tile)[TILE][STEP + 1]) {
    for (int i = threadIdx.x; i < TILE * STEP; i += 256) {
        int row = i / STEP, column = i % STEP;
        bool there = firstRow + row < rows && firstColumn + column < columns;
        tile[row][column] = there ? (double) real(from[(firstRow + row) * stride + firstColumn + column]) : 0;
    }
}

/** out [T, E] = x [T, D] w^T, products and sums in float64, rounded once. */
extern "C" __global__ void __launch_bounds__(256) wideLogits(const T* x, i64 stride, const T* w, i64 wStride, float* out, i64 outStride, i64 tokens, int experts,
                                                             i64 columns) {
    __shared__ double a[TILE][STEP + 1], b[TILE][STEP + 1];
    i64 firstToken = (i64) blockIdx.x * TILE;
    int firstExpert = blockIdx.y * TILE, expert = threadIdx.x % TILE, token = threadIdx.x / TILE;
    double sum[OWN] = {};
    for (i64 k = 0; k < columns; k += STEP) {
        fill(x, stride, tokens, columns, firstToken, k, a);
        fill(w, wStride, experts, columns, firstExpert, k, b);
        __syncthreads();
        for (int c = 0; c < STEP; c++) {
#pragma unroll
            for (int i = 0; i < OWN; i++) sum[i] += a[token + 8 * i][c] * b[expert][c];
        }
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < OWN; i++) {
        i64 row = firstToken + token + 8 * i;
        if (row < tokens && firstExpert + expert < experts) out[row * outStride + firstExpert + expert] = (float) sum[i];
    }
}
