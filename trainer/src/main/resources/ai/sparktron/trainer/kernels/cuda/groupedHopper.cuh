// Products of pieces by a warpgroup's instructions (wgmma), for compute capability 9.0. Follows groupedPieces.cuh; ACROSS is 1, DOWN a multiple of 4, COLUMNS of
// 128, STAGES 3 or more. Four warps have 64 rows; both operands are read from shared memory while the threads enqueue the pieces after the next.
//
// An operand lies in columns of 128 bytes, the 16 bytes c of row r at place c ^ r % 8: what the instructions call 128-byte swizzling. Rows run along the sum, then a
// step of 16 elements of it is 32 bytes on; or across it, then such a step is 16 rows on, and the next 64 elements across are a column of their own.

static_assert(ACROSS == 1 && DOWN % 4 == 0 && COLUMNS % 128 == 0 && STAGES >= 3 && DEPTH == 64, "warpgroups have whole rows");

constexpr int ATOM_BYTES = 8 * 128;             // 8 rows
constexpr int COLUMN_BYTES = DEPTH * 128;       // of an operand across the sum
constexpr u64 SWIZZLED = 1ull << 62;

template <int COUNT> FORCE unsigned placed(int row, int chunk) { return chunk / 8 * COLUMN_BYTES + row * 128 + ((chunk % 8 ^ row % 8) << 4); }

/** What tells the instructions where an operand is; columns across the sum are COLUMN_BYTES apart. */
FORCE u64 operand(unsigned at) {
    return SWIZZLED | (u64) (ATOM_BYTES >> 4) << 32 | (u64) (COLUMN_BYTES >> 4) << 16 | (at & 0x3ffff) >> 4;
}

#define FOUR(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define SIXTEEN(i) FOUR(i), FOUR(i + 4), FOUR(i + 8), FOUR(i + 12)

/** d [64, 128] += 16 elements of the sum; LEFT and RIGHT are 1 where rows run across the sum. A lane holds its rows of the 128 columns as of products of warps. */
template <int LEFT, int RIGHT> FORCE void multiply128(bf16, float* d, u64 left, u64 right) {
    asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {"
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, "
        "%26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, "
        "%50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
        "}, %64, %65, 1, 1, 1, %66, %67;"
        : SIXTEEN(0), SIXTEEN(16), SIXTEEN(32), SIXTEEN(48) : "l"(left), "l"(right), "n"(LEFT), "n"(RIGHT));
}

template <int LEFT, int RIGHT> FORCE void multiply128(f16, float* d, u64 left, u64 right) {
    asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 {"
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, "
        "%26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, "
        "%50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
        "}, %64, %65, 1, 1, 1, %66, %67;"
        : SIXTEEN(0), SIXTEEN(16), SIXTEEN(32), SIXTEEN(48) : "l"(left), "l"(right), "n"(LEFT), "n"(RIGHT));
}

FORCE void beginProducts() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
FORCE void endProducts() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

/** Waits for all but the N latest groups of products. */
template <int N> FORCE void multiplied() { asm volatile("wgmma.wait_group.sync.aligned %0;" :: "n"(N) : "memory"); }

/** Makes what this thread copied into shared memory visible to the instructions that multiply. */
FORCE void showCopies() { asm volatile("fence.proxy.async;" ::: "memory"); }

/**
 * Groups of products that are still under way when the next piece begins. None where another block of the multiprocessor has products meanwhile: then one more
 * piece is under way instead.
 */
constexpr int LAG = BLOCKS == 1 ? 1 : 0;
constexpr int AHEAD = STAGES - 1 - LAG;         // pieces under way: the place of a piece is filled again when every warpgroup has multiplied it

/** sum += the product. All threads of the block call. */
template <Layout LEFT, Layout RIGHT> FORCE void multiply(const Factors& of, unsigned room, float (&sum)[M][N][4]) {
    constexpr int LEFT_STEP = LEFT == ALONG ? 32 : 16 * 128, RIGHT_STEP = RIGHT == ALONG ? 32 : 16 * 128;
    int steps = (of.inner + DEPTH - 1) / DEPTH;
    unsigned rows = threadIdx.x / 128 * 64 * 128;
    float* d = &sum[0][0][0];
    __syncthreads();  // the tile before this one may still be read
#pragma unroll
    for (int s = 0; s < AHEAD; s++) {
        if (s < steps) fetchPiece<LEFT, RIGHT>(of, s, room);
        commit();
    }
    for (int step = 0; step < steps; step++) {
        arrived<AHEAD - 1>();
        showCopies();
        if (LAG == 0) multiplied<0>();
        __syncthreads();
        unsigned left = room + step % STAGES * STAGE_BYTES + rows, right = room + step % STAGES * STAGE_BYTES + LEFT_BYTES;
        beginProducts();
#pragma unroll
        for (int k = 0; k < DEPTH / 16; k++)
#pragma unroll
            for (int n = 0; n < COLUMNS / 128; n++) {
                multiply128<LEFT, RIGHT>(T(), d + n * 64, operand(left + k * LEFT_STEP), operand(right + n * 128 * 128 + k * RIGHT_STEP));
            }
        endProducts();
        if (step + AHEAD < steps) fetchPiece<LEFT, RIGHT>(of, step + AHEAD, room);
        commit();
        if (LAG > 0) multiplied<LAG>();
    }
    multiplied<0>();
    arrived<0>();
}
