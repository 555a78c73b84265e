// Products of pieces by warpgroups whose threads enqueue the pieces after the next while they multiply. Follows warpgroup.cuh; COLUMNS is a multiple of 128, STAGES 3
// or more.

static_assert(COLUMNS % 128 == 0 && STAGES >= 3 && COPIERS == 0, "instructions have whole columns");

/**
 * Groups of products that are still under way when the next piece begins. None where another block of the multiprocessor has products meanwhile: then one more
 * piece is under way instead.
 */
constexpr int LAG = BLOCKS == 1 ? 1 : 0;
constexpr int AHEAD = STAGES - 1 - LAG;         // pieces under way: the place of a piece is filled again when every warpgroup has multiplied it

/** The pieces of a block's tiles. */
struct Pieces {
    Matrices operands;
    unsigned room;

    FORCE Pieces(const Matrices& operands, unsigned room) : operands(operands), room(room) {}

    FORCE unsigned place(int step) const { return room + step % STAGES * STAGE_BYTES; }

    /** sum = the product. All threads of the block call; they hold the sums. */
    template <Layout LEFT, Layout RIGHT> FORCE void multiply(const Tile& tile, float (&sum)[M][N][4]) {
        Factors of = operands.of<LEFT, RIGHT>(tile);
        int steps = (of.inner + DEPTH - 1) / DEPTH;
        unsigned rows = threadIdx.x / 128 * 64 * 128;
        float* d = &sum[0][0][0];
        clear(sum);
        __syncthreads();  // the tile before this one may still be read
#pragma unroll
        for (int s = 0; s < AHEAD; s++) {
            if (s < steps) fetchPiece<LEFT, RIGHT>(of, s, place(s));
            commit();
        }
        for (int step = 0; step < steps; step++) {
            arrived<AHEAD - 1>();
            showCopies();
            if (LAG == 0) multiplied<0>();
            __syncthreads();
            unsigned left = place(step) + rows, right = place(step) + LEFT_BYTES;
            beginProducts();
#pragma unroll
            for (int k = 0; k < DEPTH / 16; k++)
#pragma unroll
                for (int n = 0; n < COLUMNS / 128; n++) {
                    multiply128<LEFT, RIGHT>(T(), d + n * 64, operand(left + k * stepBytes(LEFT)), operand(right + n * 128 * 128 + k * stepBytes(RIGHT)));
                }
            endProducts();
            if (step + AHEAD < steps) fetchPiece<LEFT, RIGHT>(of, step + AHEAD, place(step + AHEAD));
            commit();
            if (LAG > 0) multiplied<LAG>();
        }
        multiplied<0>();
        arrived<0>();
    }
};
