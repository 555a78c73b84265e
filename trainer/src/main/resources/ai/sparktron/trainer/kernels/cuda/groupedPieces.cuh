// Pieces of experts' products on their way into shared memory. Follows mma.cuh and grouped.cuh, and is followed by groupedWarps.cuh, groupedHopper.cuh or
// groupedStream.cuh, which multiply. Compiled for types of operands (bf16 or f16) and of the result, tiles of ROWS x COLUMNS results made by ACROSS warps
// to a row of them and DOWN such rows, STAGES pieces in shared memory, BLOCKS of a multiprocessor, and COPIERS threads after those that multiply, which only see to
// copies (0: those that multiply copy). Addresses and rows are aligned to 16 bytes; sizes along which rows run are multiples of 8.
//
// A piece is DEPTH elements of the sum. An operand lies in shared memory as it does in the device's: rows along the sum (SIDE x DEPTH) or across it (DEPTH x SIDE).

using T = TYPE;
using U = RESULT;

constexpr int DEPTH = 64;
constexpr int MULTIPLIERS = 32 * DOWN * ACROSS;
constexpr int THREADS = MULTIPLIERS + COPIERS;
constexpr int WARP_ROWS = ROWS / DOWN, WARP_COLUMNS = COLUMNS / ACROSS;
constexpr int M = WARP_ROWS / 16, N = WARP_COLUMNS / 8;    // products of a warp
constexpr int LEFT_BYTES = ROWS * DEPTH * 2, STAGE_BYTES = LEFT_BYTES + COLUMNS * DEPTH * 2;
constexpr int PIECES_BYTES = STAGES * (STAGE_BYTES + (COPIERS > 0 ? 16 : 0));  // beside pieces, two barriers each where copying and multiplying threads meet

FORCE void clear(float (&sum)[M][N][4]) {
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int n = 0; n < N; n++) sum[m][n][0] = sum[m][n][1] = sum[m][n][2] = sum[m][n][3] = 0;
}

/** How an operand lies. */
enum Layout { ALONG, ACROSS_SUM };

/** Byte in a tile of rows of COUNT elements where the 8 elements of a chunk of a row are. */
template <int COUNT> FORCE unsigned placed(int row, int chunk);

/** A tile of results: where it is in the operands, and what is left of them from its first row, column and the sum's first element on. */
struct Tile {
    int expert;         // whose matrix the right operand is
    int row, column;
    int first;          // element of the sum
    int rows, columns, inner;
};

/** Enqueues a tile of HEIGHT rows of WIDTH elements; zeros outside of rows x columns. */
template <int HEIGHT, int WIDTH> FORCE void fetch(unsigned tile, const T* x, i64 stride, int rows, int columns) {
    constexpr int CHUNKS = THREADS % (WIDTH / 8) == 0 ? WIDTH / 8 : 8, STEP = THREADS / CHUNKS;
    static_assert(THREADS % CHUNKS == 0 && HEIGHT % STEP == 0 && WIDTH / 8 % CHUNKS == 0, "threads have whole columns of chunks");
    int row = threadIdx.x / CHUNKS;
#pragma unroll
    for (int first = 0; first < WIDTH / 8; first += CHUNKS) {
        int chunk = first + threadIdx.x % CHUNKS;
        bool wide = chunk * 8 < columns;
        const T* from = x + row * stride + chunk * 8;
#pragma unroll
        for (int i = 0; i < HEIGHT / STEP; i++) {
            bool there = wide && row + i * STEP < rows;
            copy16(tile + placed<WIDTH>(row + i * STEP, chunk), there ? from + i * STEP * stride : x, there);
        }
    }
}

/** Matrices of which a tile of the result is made. */
struct Factors {
    const T* left;
    i64 leftStride;
    const T* right;
    i64 rightStride;
    int rows, columns, inner;
};

/** What threads read themselves: the left operand, and experts' matrices of `height` rows each. */
struct Matrices {
    const T* left;
    i64 leftStride;
    const T* right;
    i64 rightStride;
    int height;

    template <Layout LEFT, Layout RIGHT> FORCE Factors of(const Tile& tile) const {
        const T* a = left + (LEFT == ALONG ? tile.row * leftStride + tile.first : tile.first * leftStride + tile.row);
        const T* b = right + (i64) tile.expert * height * rightStride + (RIGHT == ALONG ? tile.column * rightStride + tile.first : tile.first * rightStride + tile.column);
        return Factors {a, leftStride, b, rightStride, tile.rows, tile.columns, tile.inner};
    }
};

// Parameters of kernels that are the operands.
#define OPERANDS const T* left, i64 leftStride, const T* right, i64 rightStride, int height
#define GIVEN_OPERANDS Matrices {left, leftStride, right, rightStride, height}

/** Enqueues the copies of a piece. @param left where it goes; the right operand follows the left one */
template <Layout LEFT, Layout RIGHT> FORCE void fetchPiece(const Factors& of, int step, unsigned left) {
    int at = step * DEPTH, rest = of.inner - at;
    unsigned right = left + LEFT_BYTES;
    if constexpr (LEFT == ALONG) fetch<ROWS, DEPTH>(left, of.left + at, of.leftStride, of.rows, rest);
    else fetch<DEPTH, ROWS>(left, of.left + at * of.leftStride, of.leftStride, rest, of.rows);
    if constexpr (RIGHT == ALONG) fetch<COLUMNS, DEPTH>(right, of.right + at, of.rightStride, of.columns, rest);
    else fetch<DEPTH, COLUMNS>(right, of.right + at * of.rightStride, of.rightStride, rest, of.columns);
}
