// Products of pieces by the instructions of a warpgroup, four warps together (wgmma), for compute capability 9.0. Follows groupedPieces.cuh. A warpgroup has 64 rows;
// both operands are read from shared memory.
//
// An operand lies in columns of 128 bytes, the 16 bytes c of row r at place c ^ r % 8: what the instructions call 128-byte swizzling. Rows run along the sum, then a
// step of 16 elements of it is 32 bytes on; or across it, then such a step is 16 rows on, and the next 64 elements across are a column of their own.

static_assert(DEPTH == 64 && ACROSS == 1 && DOWN % 4 == 0, "warpgroups have whole rows");

constexpr int ATOM_BYTES = 8 * 128;             // 8 rows
constexpr int COLUMN_BYTES = DEPTH * 128;       // of an operand across the sum
constexpr u64 SWIZZLED = 1ull << 62;

template <int COUNT> FORCE unsigned placed(int row, int chunk) { return chunk / 8 * COLUMN_BYTES + row * 128 + ((chunk % 8 ^ row % 8) << 4); }

/** What tells the instructions where an operand is; columns across the sum are COLUMN_BYTES apart. */
FORCE u64 operand(unsigned at) {
    return SWIZZLED | (u64) (ATOM_BYTES >> 4) << 32 | (u64) (COLUMN_BYTES >> 4) << 16 | (at & 0x3ffff) >> 4;
}

/** Bytes from 16 elements of the sum to the next. */
FORCE constexpr int stepBytes(Layout layout) { return layout == ALONG ? 32 : 16 * 128; }

#define FOUR(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define SIXTEEN(i) FOUR(i), FOUR(i + 4), FOUR(i + 8), FOUR(i + 12)
#define SIXTY_FOUR(i) SIXTEEN(i), SIXTEEN(i + 16), SIXTEEN(i + 32), SIXTEEN(i + 48)
#define FIRST_64 \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
    "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define FIRST_128 \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
    "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, " \
    "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, " \
    "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"

// d [64, 128 or 256] += 16 elements of the sum; LEFT and RIGHT are 1 where rows run across the sum. A lane holds its rows of the columns as of products of warps.
#define MULTIPLY_128(TYPES) asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32." TYPES " {" FIRST_64 "}, %64, %65, 1, 1, 1, %66, %67;" \
    : SIXTY_FOUR(0) : "l"(left), "l"(right), "n"(LEFT), "n"(RIGHT))
#define MULTIPLY_256(TYPES) asm volatile("wgmma.mma_async.sync.aligned.m64n256k16.f32." TYPES " {" FIRST_128 "}, %128, %129, 1, 1, 1, %130, %131;" \
    : SIXTY_FOUR(0), SIXTY_FOUR(64) : "l"(left), "l"(right), "n"(LEFT), "n"(RIGHT))

template <int LEFT, int RIGHT> FORCE void multiply128(bf16, float* d, u64 left, u64 right) { MULTIPLY_128("bf16.bf16"); }
template <int LEFT, int RIGHT> FORCE void multiply128(f16, float* d, u64 left, u64 right) { MULTIPLY_128("f16.f16"); }
template <int LEFT, int RIGHT> FORCE void multiply256(bf16, float* d, u64 left, u64 right) { MULTIPLY_256("bf16.bf16"); }
template <int LEFT, int RIGHT> FORCE void multiply256(f16, float* d, u64 left, u64 right) { MULTIPLY_256("f16.f16"); }

FORCE void beginProducts() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
FORCE void endProducts() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

/** Waits for all but the N latest groups of products. */
template <int N> FORCE void multiplied() { asm volatile("wgmma.wait_group.sync.aligned %0;" :: "n"(N) : "memory"); }

/** Makes what this thread knows to be in shared memory visible to the instructions that multiply and to the copy engine. */
FORCE void showCopies() { asm volatile("fence.proxy.async;" ::: "memory"); }
