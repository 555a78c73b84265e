// Products of pieces by warpgroups that only multiply, beside a warpgroup that only copies and is ahead of them by as many pieces as there is room for, across the
// borders of tiles too: the first pieces of a tile are there when the last results of the one before it have been written. Follows warpgroup.cuh; COLUMNS is 256.
//
// A piece has two barriers in shared memory: one that the copies complete, one that the warps complete which have multiplied it.

static_assert(COLUMNS == 256 && COPIERS > 0 && STAGES >= 3, "one or two instructions have a row of results");

// ---- barriers: `threads` arrivals complete a phase; who waits names the parity of the phase ----

FORCE void makeBarrier(unsigned at, int threads) { asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" :: "r"(at), "r"(threads) : "memory"); }
FORCE void arrive(unsigned at) { asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" :: "r"(at) : "memory"); }

/** This thread arrives when all its copies enqueued so far are complete. */
FORCE void arriveWithCopies(unsigned at) { asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" :: "r"(at) : "memory"); }

FORCE void await(unsigned at, unsigned parity) {
    unsigned done;
    do {
        asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }" : "=r"(done) : "r"(at), "r"(parity) : "memory");
    } while (!done);
}

// Where all threads alike would have too few registers for sums, those that copy give up some of theirs. The compiler takes no instruction then whose results alone
// need more than that equal share.
constexpr bool SHIFTS = THREADS == 512;

/** The pieces of a block's tiles: every thread counts them. */
struct Pieces {
    unsigned room;
    int stage = 0;
    unsigned parity = 0;    // of the phase in which the present piece is copied

    /** All threads of the block call. */
    FORCE Pieces(unsigned room) : room(room) {
        if (threadIdx.x == 0) {
#pragma unroll
            for (int s = 0; s < STAGES; s++) {
                makeBarrier(copied(s), COPIERS);
                makeBarrier(used(s), MULTIPLIERS / 32);
            }
        }
        __syncthreads();
    }

    FORCE unsigned place() const { return room + stage * STAGE_BYTES; }
    FORCE unsigned copied(int s) const { return room + STAGES * STAGE_BYTES + s * 16; }
    FORCE unsigned used(int s) const { return copied(s) + 8; }

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

    /** Copies the pieces of all tiles, if this thread is one that copies: true. */
    template <Layout LEFT, Layout RIGHT, class Tiles> FORCE bool copiesOf(Tiles tiles) {
        if (__shfl_sync(ALL, threadIdx.x / 128, 0) < MULTIPLIERS / 128) {
            if constexpr (SHIFTS) asm volatile("setmaxnreg.inc.sync.aligned.u32 160;");
            return false;
        }
        if constexpr (SHIFTS) asm volatile("setmaxnreg.dec.sync.aligned.u32 32;");
        Factors of;
        typename Tiles::Result* unused;
        while (tiles.next(of, unused)) copy<LEFT, RIGHT>(of);
        return true;
    }

    /** sum = the product, for threads that multiply. */
    template <Layout LEFT, Layout RIGHT> FORCE void multiply(const Factors& of, float (&sum)[M][N][4]) {
        int steps = pieces(of), group = __shfl_sync(ALL, threadIdx.x / 128, 0);
        clear(sum);
        if (group * 64 < of.rows) add<LEFT, RIGHT>(steps, group * 64 * 128, &sum[0][0][0]);
        else leave(steps);
    }

    /** As there is room for them. */
    template <Layout LEFT, Layout RIGHT> FORCE void copy(const Factors& of) {
        for (int step = 0; step < pieces(of); step++) {
            await(used(stage), parity ^ 1);  // of a barrier that nobody has met yet, the phase before the first is complete
            fetchPiece<LEFT, RIGHT>(of, step, place());
            arriveWithCopies(copied(stage));
            next();
        }
    }

    /** A group of products is under way while the next begins. @param rows bytes before the warpgroup's rows */
    template <Layout LEFT, Layout RIGHT> FORCE void add(int steps, unsigned rows, float* d) {
        int before = 0;
        for (int step = 0; step < steps; step++) {
            await(copied(stage), parity);
            showCopies();
            unsigned left = place() + rows, right = place() + LEFT_BYTES;
            beginProducts();
#pragma unroll
            for (int k = 0; k < DEPTH / 16; k++) {
                if constexpr (SHIFTS) {
                    multiply128<LEFT, RIGHT>(T(), d, operand(left + k * stepBytes(LEFT)), operand(right + k * stepBytes(RIGHT)));
                    multiply128<LEFT, RIGHT>(T(), d + 64, operand(left + k * stepBytes(LEFT)), operand(right + 128 * 128 + k * stepBytes(RIGHT)));
                } else {
                    multiply256<LEFT, RIGHT>(T(), d, operand(left + k * stepBytes(LEFT)), operand(right + k * stepBytes(RIGHT)));
                }
            }
            endProducts();
            multiplied<1>();
            if (step > 0) release(before);
            before = stage;
            next();
        }
        multiplied<0>();
        if (steps > 0) release(before);
    }

    static FORCE int pieces(const Factors& of) { return (of.inner + DEPTH - 1) / DEPTH; }

    /** A warpgroup without rows in the tile. */
    FORCE void leave(int steps) {
        for (int step = 0; step < steps; step++) {
            await(copied(stage), parity);
            release(stage);
            next();
        }
    }
};
