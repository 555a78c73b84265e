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

/** What is done with the products. */
enum Mode { MOVE_ALIKE, ADD, WRITE };

template <class V> FORCE float lower(unsigned word) { return real(V {(unsigned short) word}); }
template <class V> FORCE float upper(unsigned word) { return real(V {(unsigned short) (word >> 16)}); }

/**
 * Writes a tile of numbers of 16 bits, or adds to it; MOVE_ALIKE moves the memory that adding moves, unchanged. A lane moves the 8 columns of a piece that four lanes
 * hold: the four bytes that it holds itself take several times as long.
 */
template <class V> FORCE void keepTile(V* out, i64 stride, int rows, int columns, const float (&sum)[M][N][4], int mode) {
    int row = firstRow(), first = threadIdx.x / 32 % ACROSS * WARP_COLUMNS;
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int r = row + m * 16 + half * 8;
#pragma unroll
            for (int n = 0; n < N; n += 4) {
                int column = first + (n + threadIdx.x % 4) * 8;
                bool there = r < rows && column < columns;
                unsigned* at = (unsigned*) (out + r * stride + column);
                Pack<unsigned, 4> pack = {};
                if (mode != WRITE) {
                    if (there) pack = load<4>(at);
                    transpose(pack.at);  // its own inverse
                }
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    float a = sum[m][n + i][2 * half], b = sum[m][n + i][2 * half + 1];
                    if (mode == ADD) pack.at[i] = pair(V(), lower<V>(pack.at[i]) + a, upper<V>(pack.at[i]) + b);
                    if (mode == WRITE) pack.at[i] = pair(V(), a, b);
                }
                transpose(pack.at);
                if (there) store(at, pack);
            }
        }
}

constexpr int AT_ONCE = N <= 4 || THREADS * BLOCKS > 256 ? 4 : 8;    // packs read before they are written: more do not fit the registers

static_assert(N % AT_ONCE == 0, "a row of sums is whole");

/** As the other, of float32. */
FORCE void keepTile(float* to, i64 stride, int rows, int columns, const float (&sum)[M][N][4], int mode) {
    int row = firstRow(), column = firstColumn();
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int r = row + m * 16 + half * 8;
            if (r >= rows) continue;
            float* at = to + r * stride + column;
#pragma unroll
            for (int first = 0; first < N; first += AT_ONCE) {
                Pack<float, 2> old[AT_ONCE];
#pragma unroll
                for (int n = 0; n < AT_ONCE; n++) {
                    old[n] = {};
                    if (mode != WRITE && column + (first + n) * 8 < columns) old[n] = load<2>(at + (first + n) * 8);
                }
#pragma unroll
                for (int n = 0; n < AT_ONCE; n++) {
                    if (column + (first + n) * 8 >= columns) continue;
                    Pack<float, 2> total;
#pragma unroll
                    for (int i = 0; i < 2; i++) total.at[i] = old[n].at[i] + (mode == MOVE_ALIKE ? 0 : sum[m][first + n][2 * half + i]);
                    store(at + (first + n) * 8, total);
                }
            }
        }
}

/** Every thread's part of the block's tiles. @param tiles tells of each where it is and where its results go, rows of which are `stride` apart */
template <Layout LEFT, Layout RIGHT, class Place, class Tiles> FORCE void share(Place& pieces, Tiles tiles, i64 stride, int mode) {
    if constexpr (COPIERS > 0) {
        if (pieces.template copiesOf<LEFT, RIGHT>(tiles)) return;
    }
    Tile tile;
    typename Tiles::Result* to;
    float sum[M][N][4];
    while (tiles.next(tile, to)) {
        pieces.template multiply<LEFT, RIGHT>(tile, sum);
        keepTile(to, stride, tile.rows, tile.columns, sum, mode);
    }
}

#ifndef GRADIENT

struct SegmentProducts {
    using Result = T;
    SegmentTiles tiles;
    T* out;
    i64 outStride;
    int columns, inner;
    int number = blockIdx.x;

    FORCE bool next(Tile& tile, T*& to) {
        if (number >= tiles.count()) return false;
        int row, column;
        tiles.find(number, tile.expert, row, column);
        tile.row = tiles.offsets[tile.expert] + row * ROWS;
        tile.column = column * COLUMNS;
        tile.first = 0;
        tile.rows = tiles.offsets[tile.expert + 1] - tile.row;
        tile.columns = columns - tile.column;
        tile.inner = inner;
        to = out + tile.row * outStride + tile.column;
        number += gridDim.x;
        return true;
    }
};

/** out [rows, columns] = left [rows, inner] op(right[e]), with ADDS as the mode says. Shared memory: the pieces, then [experts + 1]. */
extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) tensorSegments(OPERANDS, const int* offsets, int experts, T* out, i64 outStride, int columns, int inner,
                                                                     int mode) {
    extern __shared__ __align__(1024) unsigned char room[];
    SegmentTiles tiles(offsets, experts, ROWS, (columns + COLUMNS - 1) / COLUMNS, (int*) (room + PIECES_BYTES));
    Pieces pieces(GIVEN_OPERANDS, place(room));
#ifndef ADDS
    mode = WRITE;
#endif
    share<ALONG, RIGHT_LAYOUT>(pieces, SegmentProducts {tiles, out, outStride, columns, inner}, outStride, mode);
}

#else

struct WeightProducts {
    using Result = U;
    const int* offsets;
    int experts;
    U* dW;
    i64 stride;
    int rows, columns, mode;
    int number = blockIdx.x;

    /** An expert without tokens has nothing to add. */
    FORCE bool next(Tile& tile, U*& to) {
        int down = (rows + ROWS - 1) / ROWS, across = (columns + COLUMNS - 1) / COLUMNS;
        for (; number < experts * down * across; number += gridDim.x) {
            int expert = number / (down * across), rest = number - expert * down * across;
            int first = offsets[expert], length = offsets[expert + 1] - first;
            if (length == 0 && mode != WRITE) continue;
            tile = Tile {0, rest / across * ROWS, rest % across * COLUMNS, first};
            tile.rows = rows - tile.row;
            tile.columns = columns - tile.column;
            tile.inner = length;
            to = dW + ((i64) expert * rows + tile.row) * stride + tile.column;
            number += gridDim.x;
            return true;
        }
        return false;
    }
};

/** dW[e] [rows, columns] = or += left[segment]^T right[segment]. Shared memory: the pieces. */
extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) tensorGradient(OPERANDS, const int* offsets, int experts, U* dW, i64 stride, int rows, int columns, int mode) {
    extern __shared__ __align__(1024) unsigned char room[];
    Pieces pieces(GIVEN_OPERANDS, place(room));
    share<ACROSS_SUM, ACROSS_SUM>(pieces, WeightProducts {offsets, experts, dW, stride, rows, columns, mode}, stride, mode);
}

#endif
