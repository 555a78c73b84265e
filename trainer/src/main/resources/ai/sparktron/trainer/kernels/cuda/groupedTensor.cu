// Products of experts on the tensor cores. Follows mma.cuh and grouped.cuh; compiled for types of operands (bf16 or f16) and of the weights' gradient, tiles of
// ROWS x COLUMNS results made by ACROSS warps to a row of them and DOWN such rows, and STAGES pieces of the sum under way into shared memory. Addresses and rows are
// aligned to 16 bytes; sizes along which rows run are multiples of 8.
//
// A piece is DEPTH elements of the sum. An operand lies in shared memory as it does in the device's: rows along the sum (SIDE x DEPTH) or across it (DEPTH x SIDE).
// The 16 bytes at column c of row r are at place c ^ r % 8 of the row, so that eight rows of one column fall into different banks.

using T = TYPE;
using U = RESULT;

constexpr int DEPTH = 64;
constexpr int THREADS = 32 * DOWN * ACROSS;
constexpr int WARP_ROWS = ROWS / DOWN, WARP_COLUMNS = COLUMNS / ACROSS;
constexpr int M = WARP_ROWS / 16, N = WARP_COLUMNS / 8;    // products of a warp
constexpr int LEFT_BYTES = ROWS * DEPTH * 2, STAGE_BYTES = LEFT_BYTES + COLUMNS * DEPTH * 2;

/** How an operand lies. */
enum Layout { ALONG, ACROSS_SUM };

template <int COUNT> FORCE unsigned placed(int row, int chunk) { return row * COUNT * 2 + ((chunk ^ row % 8) << 4); }

/** Enqueues a tile of HEIGHT rows of WIDTH elements; zeros outside of rows x columns. */
template <int HEIGHT, int WIDTH> FORCE void fetch(unsigned tile, const T* x, i64 stride, int rows, int columns) {
    constexpr int CHUNKS = WIDTH / 8, STEP = THREADS / CHUNKS;
    static_assert(THREADS % CHUNKS == 0 && HEIGHT % STEP == 0, "threads have whole columns of chunks");
    int chunk = threadIdx.x % CHUNKS, row = threadIdx.x / CHUNKS;
    bool wide = chunk * 8 < columns;
    const T* from = x + row * stride + chunk * 8;
#pragma unroll
    for (int i = 0; i < HEIGHT / STEP; i++) {
        bool there = wide && row + i * STEP < rows;
        copy16(tile + placed<WIDTH>(row + i * STEP, chunk), there ? from + i * STEP * stride : x, there);
    }
}

/** Matrices of which a tile of the result is made; sizes are what is left from the tile's first row, column and the sum's first element on. */
struct Factors {
    const T* left;
    i64 leftStride;
    const T* right;
    i64 rightStride;
    int rows, columns, inner;
};

template <Layout LEFT, Layout RIGHT> FORCE void fetchPiece(const Factors& of, int step, unsigned room) {
    int at = step * DEPTH, rest = of.inner - at;
    unsigned left = room + step % STAGES * STAGE_BYTES, right = left + LEFT_BYTES;
    if constexpr (LEFT == ALONG) fetch<ROWS, DEPTH>(left, of.left + at, of.leftStride, of.rows, rest);
    else fetch<DEPTH, ROWS>(left, of.left + at * of.leftStride, of.leftStride, rest, of.rows);
    if constexpr (RIGHT == ALONG) fetch<COLUMNS, DEPTH>(right, of.right + at, of.rightStride, of.columns, rest);
    else fetch<DEPTH, COLUMNS>(right, of.right + at * of.rightStride, of.rightStride, rest, of.columns);
}

/** 16 elements of the sum, from k * 16 on, of the warp's rows and columns. */
template <Layout LEFT, Layout RIGHT> FORCE void readPieces(unsigned left, unsigned right, int k, unsigned (&a)[M][4], unsigned (&b)[N / 2][4]) {
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, row = warp / ACROSS * WARP_ROWS, column = warp % ACROSS * WARP_COLUMNS;
    int low = lane % 8, odd = lane / 8 % 2, high = lane / 16;
#pragma unroll
    for (int m = 0; m < M; m++) {
        if constexpr (LEFT == ALONG) read4(a[m], left + placed<DEPTH>(row + m * 16 + odd * 8 + low, k * 2 + high));
        else read4Transposed(a[m], left + placed<ROWS>(k * 16 + high * 8 + low, (row + m * 16) / 8 + odd));
    }
#pragma unroll
    for (int n = 0; n < N / 2; n++) {
        if constexpr (RIGHT == ALONG) read4(b[n], right + placed<DEPTH>(column + n * 16 + high * 8 + low, k * 2 + odd));
        else read4Transposed(b[n], right + placed<COLUMNS>(k * 16 + odd * 8 + low, (column + n * 16) / 8 + high));
    }
}

/** sum += the product; what is read for the next 16 elements is under way while these are multiplied. All threads of the block call. */
template <Layout LEFT, Layout RIGHT> FORCE void multiply(const Factors& of, unsigned room, float (&sum)[M][N][4]) {
    int steps = (of.inner + DEPTH - 1) / DEPTH;
    __syncthreads();  // the tile before this one may still be read
#pragma unroll
    for (int s = 0; s < STAGES - 1; s++) {
        if (s < steps) fetchPiece<LEFT, RIGHT>(of, s, room);
        commit();
    }
    for (int step = 0; step < steps; step++) {
        arrived<STAGES - 2>();
        __syncthreads();
        if (step + STAGES - 1 < steps) fetchPiece<LEFT, RIGHT>(of, step + STAGES - 1, room);
        commit();
        unsigned left = room + step % STAGES * STAGE_BYTES, right = left + LEFT_BYTES;
        unsigned a[2][M][4], b[2][N / 2][4];
        readPieces<LEFT, RIGHT>(left, right, 0, a[0], b[0]);
#pragma unroll
        for (int k = 0; k < DEPTH / 16; k++) {
            if (k + 1 < DEPTH / 16) readPieces<LEFT, RIGHT>(left, right, k + 1, a[(k + 1) % 2], b[(k + 1) % 2]);
#pragma unroll
            for (int m = 0; m < M; m++)
#pragma unroll
                for (int n = 0; n < N; n++) multiply(T(), sum[m][n], a[k % 2][m], b[k % 2][n / 2][n % 2 * 2], b[k % 2][n / 2][n % 2 * 2 + 1]);
        }
    }
    arrived<0>();
}

FORCE void clear(float (&sum)[M][N][4]) {
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int n = 0; n < N; n++) sum[m][n][0] = sum[m][n][1] = sum[m][n][2] = sum[m][n][3] = 0;
}

/** First of a lane's rows and columns in a tile; the others are 8 rows or columns apart. */
FORCE int firstRow() { return threadIdx.x / 32 / ACROSS * WARP_ROWS + threadIdx.x % 32 / 4; }
FORCE int firstColumn() { return threadIdx.x / 32 % ACROSS * WARP_COLUMNS + threadIdx.x % 4 * 2; }

#ifndef GRADIENT

FORCE void writeTile(T* out, i64 stride, int rows, int columns, const float (&sum)[M][N][4]) {
    int row = firstRow(), column = firstColumn();
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int r = row + m * 16 + half * 8;
            if (r >= rows) continue;
#pragma unroll
            for (int n = 0; n < N; n++) {
                if (column + n * 8 < columns) {
                    *(unsigned*) (out + r * stride + column + n * 8) = pair(T(), sum[m][n][2 * half], sum[m][n][2 * half + 1]);
                }
            }
        }
}

/** out [rows, columns] = x [rows, inner] op(w[e]); an expert has `height` rows of w. Shared memory: the stages, then [experts + 1]. */
extern "C" __global__ void __launch_bounds__(THREADS) tensorSegments(const T* x, i64 xStride, const int* offsets, int experts, const T* w, i64 wStride,
                                                                     int height, T* out, i64 outStride, int columns, int inner) {
    extern __shared__ __align__(128) unsigned char room[];
    SegmentTiles tiles(offsets, experts, ROWS, (columns + COLUMNS - 1) / COLUMNS, (int*) (room + STAGES * STAGE_BYTES));
    float sum[M][N][4];
    for (int tile = blockIdx.x; tile < tiles.count(); tile += gridDim.x) {
        int expert, row, column;
        tiles.find(tile, expert, row, column);
        i64 first = offsets[expert] + row * ROWS;
        int rows = (int) (offsets[expert + 1] - first), start = column * COLUMNS;
        const T* matrix = w + (i64) expert * height * wStride + (RIGHT_LAYOUT == ALONG ? start * wStride : start);
        clear(sum);
        multiply<ALONG, RIGHT_LAYOUT>(Factors {x + first * xStride, xStride, matrix, wStride, rows, columns - start, inner}, place(room), sum);
        writeTile(out + first * outStride + start, outStride, rows, columns - start, sum);
    }
}

#else

/** Two neighbours of a gradient. */
FORCE Pack<float, 2> both(const U* at) {
    Pack<U, 2> pack = load<2>(at);
    return Pack<float, 2> {{real(pack.at[0]), real(pack.at[1])}};
}

/** Adds the sums where `keep` is 1; at 0 the same memory is moved, unchanged. */
FORCE void addTile(U* to, i64 stride, int rows, int columns, const float (&sum)[M][N][4], int keep) {
    int row = firstRow(), column = firstColumn();
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int r = row + m * 16 + half * 8;
            if (r >= rows) continue;
            U* at = to + r * stride + column;
            Pack<float, 2> old[N];
#pragma unroll
            for (int n = 0; n < N; n++) if (column + n * 8 < columns) old[n] = both(at + n * 8);
#pragma unroll
            for (int n = 0; n < N; n++) {
                if (column + n * 8 < columns) {
                    Pack<U, 2> total;
#pragma unroll
                    for (int i = 0; i < 2; i++) total.at[i] = rounded<U>(keep ? old[n].at[i] + sum[m][n][2 * half + i] : old[n].at[i]);
                    store(at + n * 8, total);
                }
            }
        }
}

/** dW[e] [rows, columns] += dy[segment]^T x[segment]. Shared memory: the stages. */
extern "C" __global__ void __launch_bounds__(THREADS) tensorGradient(const T* dy, i64 dyStride, const T* x, i64 xStride, const int* offsets,
                                                                     int experts, U* dW, i64 stride, int rows, int columns, int keep) {
    extern __shared__ __align__(128) unsigned char room[];
    int down = (rows + ROWS - 1) / ROWS, across = (columns + COLUMNS - 1) / COLUMNS;
    float sum[M][N][4];
    for (int tile = blockIdx.x; tile < experts * down * across; tile += gridDim.x) {
        int expert = tile / (down * across), rest = tile - expert * down * across;
        int row = rest % down * ROWS, column = rest / down * COLUMNS;
        i64 first = offsets[expert];
        int length = (int) (offsets[expert + 1] - first);
        if (length == 0) continue;
        clear(sum);
        multiply<ACROSS_SUM, ACROSS_SUM>(Factors {dy + first * dyStride + row, dyStride, x + first * xStride + column, xStride, rows - row, columns - column,
                                                  length}, place(room), sum);
        addTile(dW + ((i64) expert * rows + row) * stride + column, stride, rows - row, columns - column, sum, keep);
    }
}

#endif
