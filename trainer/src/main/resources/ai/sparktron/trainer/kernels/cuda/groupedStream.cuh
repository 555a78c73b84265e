// Products of pieces by warpgroups that only multiply, while a thread beside them has the device's copy engine bring pieces: it is ahead of them by as many as there is
// room for, across the borders of tiles too: the first pieces of a tile are there when the last results of the one before it have been written. Follows warpgroup.cuh;
// COLUMNS is 256. Operands are told of by maps that the host makes; what is outside of a matrix is zeros.
//
// A piece has two barriers in shared memory: one that its bytes complete, one that the warps complete which have multiplied it.

static_assert(COLUMNS == 256 && COPIERS == 128 && STAGES >= 3, "one or two instructions have a row of results");

// ---- barriers: `threads` arrivals complete a phase, and the bytes expected in it; who waits names the parity of the phase ----

FORCE void makeBarrier(unsigned at, int threads) { asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" :: "r"(at), "r"(threads) : "memory"); }
FORCE void arrive(unsigned at) { asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" :: "r"(at) : "memory"); }
FORCE void arriveExpecting(unsigned at, int bytes) { asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" :: "r"(at), "r"(bytes) : "memory"); }

FORCE void await(unsigned at, unsigned parity) {
    unsigned done;
    do {
        asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }" : "=r"(done) : "r"(at), "r"(parity) : "memory");
    } while (!done);
}

// ---- copies ----

/** How the copy engine reads boxes of an operand. */
struct alignas(64) TensorMap {
    unsigned char description[128];
};

// Parameters of kernels that are the operands.
#undef OPERANDS
#undef GIVEN_OPERANDS
#define OPERANDS const __grid_constant__ TensorMap left, const __grid_constant__ TensorMap right
#define GIVEN_OPERANDS left, right

/** Enqueues the box at (x, y, z), whose bytes count for the barrier. */
FORCE void copyBox(unsigned to, const TensorMap& map, int x, int y, int z, unsigned barrier) {
    asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4}], [%5];"
        :: "r"(to), "l"(&map), "r"(x), "r"(y), "r"(z), "r"(barrier) : "memory");
}

/** A piece of an operand of SIDE rows or columns of the result, from `side` on: a box of 64 elements of all its rows, or boxes of 64 elements of 64 rows. */
template <Layout LAYOUT, int SIDE> FORCE void copyOperand(unsigned to, const TensorMap& map, int side, int at, int expert, unsigned barrier) {
    if constexpr (LAYOUT == ALONG) {
        copyBox(to, map, at, side, expert, barrier);
    } else {
#pragma unroll
        for (int box = 0; box < SIDE / 64; box++) copyBox(to + box * COLUMN_BYTES, map, side + box * 64, at, expert, barrier);
    }
}

// Where all threads alike would have too few registers for sums, those that copy give up some of theirs. The compiler takes no instruction then whose results alone
// need more than that equal share.
constexpr bool SHIFTS = THREADS == 512;

/** The pieces of a block's tiles: every thread counts them. */
struct Pieces {
    const TensorMap& left;
    const TensorMap& right;
    unsigned room;
    int stage = 0;
    unsigned parity = 0;    // of the phase in which the present piece is copied

    /** All threads of the block call. */
    FORCE Pieces(const TensorMap& left, const TensorMap& right, unsigned room) : left(left), right(right), room(room) {
        if (threadIdx.x == 0) {
#pragma unroll
            for (int s = 0; s < STAGES; s++) {
                makeBarrier(copied(s), 1);
                makeBarrier(used(s), MULTIPLIERS / 32);
            }
            showCopies();
        }
        __syncthreads();
    }

    FORCE unsigned place() const { return room + stage * STAGE_BYTES; }
    FORCE unsigned copied(int s) const { return room + STAGES * STAGE_BYTES + s * 16; }
    FORCE unsigned used(int s) const { return copied(s) + 8; }
    static FORCE int pieces(const Tile& tile) { return (tile.inner + DEPTH - 1) / DEPTH; }

    FORCE void next() {
        if (++stage == STAGES) {
            stage = 0;
            parity ^= 1;
        }
    }

    /** One of each warp arrives. */
    FORCE void release(int s) {
        if (threadIdx.x % 32 == 0) arrive(used(s));
    }

    /** True of a thread that does not multiply; one of them has copied the pieces of all tiles then. */
    template <Layout LEFT, Layout RIGHT, class Tiles> FORCE bool copiesOf(Tiles tiles) {
        if (__shfl_sync(ALL, threadIdx.x / 128, 0) < MULTIPLIERS / 128) {
            if constexpr (SHIFTS) asm volatile("setmaxnreg.inc.sync.aligned.u32 160;");
            return false;
        }
        if constexpr (SHIFTS) asm volatile("setmaxnreg.dec.sync.aligned.u32 32;");
        if (threadIdx.x == MULTIPLIERS) {
            Tile tile;
            typename Tiles::Result* unused;
            while (tiles.next(tile, unused)) copy<LEFT, RIGHT>(tile);
        }
        return true;
    }

    /** As there is room for them. */
    template <Layout LEFT, Layout RIGHT> FORCE void copy(const Tile& tile) {
        for (int step = 0; step < pieces(tile); step++) {
            await(used(stage), parity ^ 1);  // of a barrier that nobody has met yet, the phase before the first is complete
            arriveExpecting(copied(stage), STAGE_BYTES);
            copyOperand<LEFT, ROWS>(place(), left, tile.row, tile.first + step * DEPTH, 0, copied(stage));
            copyOperand<RIGHT, COLUMNS>(place() + LEFT_BYTES, right, tile.column, tile.first + step * DEPTH, tile.expert, copied(stage));
            next();
        }
    }

    /** sum = the product, for threads that multiply. A group of products is under way while the next begins. */
    template <Layout LEFT, Layout RIGHT> FORCE void multiply(const Tile& tile, float (&sum)[M][N][4]) {
        int group = __shfl_sync(ALL, threadIdx.x / 128, 0), before = 0;
        bool there = group * 64 < tile.rows;
        float* d = &sum[0][0][0];
        clear(sum);
        for (int step = 0; step < pieces(tile); step++) {
            await(copied(stage), parity);
            // What the engine read behind the end of a sum is another expert's.
            if (LEFT == ACROSS_SUM && tile.inner - step * DEPTH < DEPTH) clearRows(tile.inner - step * DEPTH);
            if (there) {
                unsigned a = place() + group * 64 * 128, b = place() + LEFT_BYTES;
                beginProducts();
#pragma unroll
                for (int k = 0; k < DEPTH / 16; k++) {
                    if constexpr (SHIFTS) {
                        multiply128<LEFT, RIGHT>(T(), d, operand(a + k * stepBytes(LEFT)), operand(b + k * stepBytes(RIGHT)));
                        multiply128<LEFT, RIGHT>(T(), d + 64, operand(a + k * stepBytes(LEFT)), operand(b + 128 * 128 + k * stepBytes(RIGHT)));
                    } else {
                        multiply256<LEFT, RIGHT>(T(), d, operand(a + k * stepBytes(LEFT)), operand(b + k * stepBytes(RIGHT)));
                    }
                }
                endProducts();
                multiplied<1>();
            }
            if (step > 0) release(before);
            before = stage;
            next();
        }
        multiplied<0>();
        if (pieces(tile) > 0) release(before);
    }

    /** Rows of both operands from `first` of the piece on are zeros then. All threads that multiply call. */
    FORCE void clearRows(int first) {
        constexpr int CHUNKS = (ROWS + COLUMNS) / 8;
        for (int chunk = threadIdx.x + first * CHUNKS; chunk < DEPTH * CHUNKS; chunk += MULTIPLIERS) {
            int row = chunk / CHUNKS, column = chunk % CHUNKS;
            asm volatile("st.shared.v4.u32 [%0], {%1, %1, %1, %1};" :: "r"(place() + column / 8 * COLUMN_BYTES + row * 128 + column % 8 * 16), "r"(0) : "memory");
        }
        showCopies();
        asm volatile("bar.sync 1, %0;" :: "n"(MULTIPLIERS) : "memory");
    }
};
