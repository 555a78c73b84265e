// Products of pieces by a warp's instructions, for every device. Follows groupedPieces.cuh. The 16 bytes at column c of row r are at place c ^ r % 8 of the row, so
// that eight rows of one column fall into different banks.

template <int COUNT> FORCE unsigned placed(int row, int chunk) { return row * COUNT * 2 + ((chunk ^ row % 8) << 4); }

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

/** The pieces of a block's tiles, which all its threads copy and multiply. */
struct Pieces {
    Matrices operands;
    unsigned room;

    FORCE Pieces(const Matrices& operands, unsigned room) : operands(operands), room(room) {}

    FORCE unsigned place(int step) const { return room + step % STAGES * STAGE_BYTES; }

    /** sum = the product; what is read for the next 16 elements is under way while these are multiplied. All threads of the block call; they hold the sums. */
    template <Layout LEFT, Layout RIGHT> FORCE void multiply(const Tile& tile, float (&sum)[M][N][4]) {
        Factors of = operands.of<LEFT, RIGHT>(tile);
        int steps = (of.inner + DEPTH - 1) / DEPTH;
        clear(sum);
        __syncthreads();  // the tile before this one may still be read
#pragma unroll
        for (int s = 0; s < STAGES - 1; s++) {
            if (s < steps) fetchPiece<LEFT, RIGHT>(of, s, place(s));
            commit();
        }
        for (int step = 0; step < steps; step++) {
            arrived<STAGES - 2>();
            __syncthreads();
            if (step + STAGES - 1 < steps) fetchPiece<LEFT, RIGHT>(of, step + STAGES - 1, place(step + STAGES - 1));
            commit();
            unsigned left = place(step), right = left + LEFT_BYTES;
            unsigned a[2][M][4], b[2][N / 2][4];
            readPieces<LEFT, RIGHT>(left, right, 0, a[0], b[0]);
#pragma unroll
            for (int k = 0; k < DEPTH / 16; k++) {
                if (k + 1 < DEPTH / 16) readPieces<LEFT, RIGHT>(left, right, k + 1, a[(k + 1) % 2], b[(k + 1) % 2]);
#pragma unroll
                for (int m = 0; m < M; m++)
#pragma unroll
                    for (int n = 0; n < N; n++) ::multiply(T(), sum[m][n], a[k % 2][m], b[k % 2][n / 2][n % 2 * 2], b[k % 2][n / 2][n % 2 * 2 + 1]);
            }
        }
        arrived<0>();
    }
};
