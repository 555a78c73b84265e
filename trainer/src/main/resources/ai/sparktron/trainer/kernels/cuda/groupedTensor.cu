// Products of experts on the tensor cores. Follows groupedPieces.cuh and one of the sources that multiply. Results are held as a warp's products are (mma.cuh), by
// the threads that multiply.

/** First of a lane's rows and columns in a tile; the others are 8 rows or columns apart. */
FORCE int firstRow() { return threadIdx.x / 32 / ACROSS * WARP_ROWS + threadIdx.x % 32 / 4; }
FORCE int firstColumn() { return threadIdx.x / 32 % ACROSS * WARP_COLUMNS + threadIdx.x % 4 * 2; }

/** Word i of the q-th of four neighbouring lanes and word q of the i-th change places. All lanes call. */
FORCE void transpose(unsigned (&word)[4]) {
    int lane = threadIdx.x % 4;
#pragma unroll
    for (int distance = 1; distance < 4; distance *= 2) {
        bool upper = lane & distance;
#pragma unroll
        for (int i = 0; i < 2; i++) {
            int low = distance == 1 ? 2 * i : i, high = low + distance;
            unsigned got = __shfl_xor_sync(ALL, upper ? word[low] : word[high], distance);
            if (upper) word[low] = got;
            else word[high] = got;
        }
    }
}

static_assert(N % 4 == 0, "four lanes exchange four pieces");

/** Writes a tile of numbers of 16 bits; a lane writes the 8 columns of a piece that four lanes hold. */
template <class V> FORCE void writeTile(V* out, i64 stride, int rows, int columns, const float (&sum)[M][N][4]) {
    int row = firstRow(), first = threadIdx.x / 32 % ACROSS * WARP_COLUMNS;
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int r = row + m * 16 + half * 8;
#pragma unroll
            for (int n = 0; n < N; n += 4) {
                Pack<unsigned, 4> pack;
#pragma unroll
                for (int i = 0; i < 4; i++) pack.at[i] = pair(V(), sum[m][n + i][2 * half], sum[m][n + i][2 * half + 1]);
                transpose(pack.at);
                int column = first + (n + threadIdx.x % 4) * 8;
                if (r < rows && column < columns) store((unsigned*) (out + r * stride + column), pack);
            }
        }
}

/** What is done with the products. */
enum Mode { MOVE_ALIKE, ADD, WRITE };

/** Two neighbours of a result. */
FORCE Pack<float, 2> both(const U* at) {
    Pack<U, 2> pack = load<2>(at);
    return Pack<float, 2> {{real(pack.at[0]), real(pack.at[1])}};
}

constexpr int AT_ONCE = N <= 4 || THREADS * BLOCKS > 256 ? 4 : 8;    // packs read before they are written: more do not fit the registers

static_assert(N % AT_ONCE == 0, "a row of sums is whole");

/** Writes the sums, or adds them; MOVE_ALIKE moves the memory that adding moves, unchanged. */
FORCE void keepTile(U* to, i64 stride, int rows, int columns, const float (&sum)[M][N][4], int mode) {
    int row = firstRow(), column = firstColumn();
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int r = row + m * 16 + half * 8;
            if (r >= rows) continue;
            U* at = to + r * stride + column;
#pragma unroll
            for (int first = 0; first < N; first += AT_ONCE) {
                Pack<float, 2> old[AT_ONCE];
#pragma unroll
                for (int n = 0; n < AT_ONCE; n++) {
                    old[n] = {};
                    if (mode != WRITE && column + (first + n) * 8 < columns) old[n] = both(at + (first + n) * 8);
                }
#pragma unroll
                for (int n = 0; n < AT_ONCE; n++) {
                    if (column + (first + n) * 8 >= columns) continue;
                    Pack<U, 2> total;
#pragma unroll
                    for (int i = 0; i < 2; i++) total.at[i] = rounded<U>(old[n].at[i] + (mode == MOVE_ALIKE ? 0 : sum[m][first + n][2 * half + i]));
                    store(at + (first + n) * 8, total);
                }
            }
        }
}

#ifndef GRADIENT

/** out [rows, columns] = x [rows, inner] op(w[e]), with ADDS as the mode says; an expert has `height` rows of w. Shared memory: the pieces, then [experts + 1]. */
extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) tensorSegments(const T* x, i64 xStride, const int* offsets, int experts, const T* w, i64 wStride,
                                                                     int height, T* out, i64 outStride, int columns, int inner, int mode) {
    extern __shared__ __align__(1024) unsigned char room[];
    SegmentTiles tiles(offsets, experts, ROWS, (columns + COLUMNS - 1) / COLUMNS, (int*) (room + PIECES_BYTES));
    Pieces pieces(place(room));
    float sum[M][N][4];
    for (int tile = blockIdx.x; tile < tiles.count(); tile += gridDim.x) {
        int expert, row, column;
        tiles.find(tile, expert, row, column);
        i64 first = offsets[expert] + row * ROWS;
        int rows = (int) (offsets[expert + 1] - first), start = column * COLUMNS;
        const T* matrix = w + (i64) expert * height * wStride + (RIGHT_LAYOUT == ALONG ? start * wStride : start);
        if (pieces.multiply<ALONG, RIGHT_LAYOUT>(Factors {x + first * xStride, xStride, matrix, wStride, rows, columns - start, inner}, sum)) {
#ifdef ADDS
            keepTile(out + first * outStride + start, outStride, rows, columns - start, sum, mode);
#else
            writeTile(out + first * outStride + start, outStride, rows, columns - start, sum);
#endif
        }
    }
}

#else

/** dW[e] [rows, columns] = or += dy[segment]^T x[segment]. Shared memory: the pieces. */
extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) tensorGradient(const T* dy, i64 dyStride, const T* x, i64 xStride, const int* offsets,
                                                                     int experts, U* dW, i64 stride, int rows, int columns, int mode) {
    extern __shared__ __align__(1024) unsigned char room[];
    int down = (rows + ROWS - 1) / ROWS, across = (columns + COLUMNS - 1) / COLUMNS;
    Pieces pieces(place(room));
    float sum[M][N][4];
    for (int tile = blockIdx.x; tile < experts * down * across; tile += gridDim.x) {
        int expert = tile / (down * across), rest = tile - expert * down * across;
        int row = rest % down * ROWS, column = rest / down * COLUMNS;
        i64 first = offsets[expert];
        int length = (int) (offsets[expert + 1] - first);
        if (length == 0 && mode != WRITE) continue;
        if (!pieces.multiply<ACROSS_SUM, ACROSS_SUM>(Factors {dy + first * dyStride + row, dyStride, x + first * xStride + column, xStride, rows - row,
                                                             columns - column, length}, sum)) continue;
        U* to = dW + ((i64) expert * rows + row) * stride + column;
        if constexpr (sizeof(U) == 2) {
            if (mode == WRITE) {
                writeTile(to, stride, rows - row, columns - column, sum);
                continue;
            }
        }
        keepTile(to, stride, rows - row, columns - column, sum, mode);
    }
}

#endif
