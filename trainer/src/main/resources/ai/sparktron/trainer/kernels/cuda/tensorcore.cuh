// Pieces of products in half precision on the tensor cores, for attention's kernels. Follows mma.cuh; compiled for one type T (bf16 or f16), head sizes KEY and
// VALUE (multiples of 16; narrower heads are filled up with zeros), WARPS of a block, and TILE rows that a step takes.
//
// A warp's piece of a product is 16 rows. Tiles lie in shared memory row after row, each 8 elements longer than it has columns: eight rows' 16 bytes then fall into
// different banks.

#define THREADS (WARPS * 32)
#define ROWS (WARPS * 16)
#define LOG2E 1.4426950408889634f
#define LN2 0.6931471805599453f
#define ABSENT (-2147483647 - 1)

FORCE float power2(float x) { float y; asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }

FORCE constexpr int rowBytes(int columns) { return (columns + 8) * 2; }

// Enqueues rows [first, first + N) of a matrix of `columns` columns as a tile of WIDE columns; zeros where there are none.
template <int N, int WIDE> FORCE void fetch(unsigned tile, const T* x, i64 stride, int first, int end, int columns) {
    const int CHUNKS = WIDE / 8;
    for (int e = threadIdx.x; e < N * CHUNKS; e += THREADS) {
        int r = e / CHUNKS, c = e % CHUNKS * 8;
        bool there = first + r < end && c < columns;
        copy16(tile + r * rowBytes(WIDE) + c * 2, x + (there ? (first + r) * stride + c : 0), there);
    }
}

// Enqueues N numbers, `stride` apart; zeros past the end.
template <int N, class X> FORCE void fetchNumbers(unsigned to, const X* x, i64 stride, int first, int end) {
    for (int r = threadIdx.x; r < N; r += THREADS) copy4(to + r * 4, x + (first + r < end ? (first + r) * stride : 0), first + r < end);
}

// Where a lane's rows of the three kinds of operands begin, from the tile's start: 16 rows as left operand; 16 rows as the columns of a right operand (their
// products are inner ones of rows); 16 rows as the rows of a right operand.
FORCE int asLeft(int wide) { int l = threadIdx.x % 32; return l % 16 * rowBytes(wide) + l / 16 * 16; }
FORCE int asColumns(int wide) { int l = threadIdx.x % 32; return (l % 8 + l / 16 * 8) * rowBytes(wide) + l / 8 % 2 * 16; }
FORCE int asRows(int wide) { int l = threadIdx.x % 32; return l % 16 * rowBytes(wide) + l / 16 * 16; }

// c [16, N] = rows of a times rows of b, over WIDE columns; the addresses are asLeft and asColumns ones.
template <int N, int WIDE> FORCE void innerProducts(float (&c)[N / 8][4], unsigned a, unsigned b) {
#pragma unroll
    for (int n = 0; n < N / 8; n++) c[n][0] = c[n][1] = c[n][2] = c[n][3] = 0;
#pragma unroll
    for (int k = 0; k < WIDE / 16; k++) {
        unsigned left[4], right[4];
        read4(left, a + k * 32);
#pragma unroll
        for (int n = 0; n < N / 16; n++) {
            read4(right, b + n * 16 * rowBytes(WIDE) + k * 32);
            multiply(T(), c[2 * n], left, right[0], right[1]);
            multiply(T(), c[2 * n + 1], left, right[2], right[3]);
        }
    }
}

// c [16, COLUMNS] += p [16, N] times N rows of b, which is WIDE columns wide; the address is an asRows one, of the first of the columns.
template <int N, int COLUMNS, int WIDE> FORCE void addRows(float (&c)[COLUMNS / 8][4], const float (&p)[N / 8][4], unsigned b) {
#pragma unroll
    for (int k = 0; k < N / 16; k++) {
        unsigned left[4] = {pair(T(), p[2 * k][0], p[2 * k][1]), pair(T(), p[2 * k][2], p[2 * k][3]), pair(T(), p[2 * k + 1][0], p[2 * k + 1][1]),
            pair(T(), p[2 * k + 1][2], p[2 * k + 1][3])};
#pragma unroll
        for (int n = 0; n < COLUMNS / 16; n++) {
            unsigned right[4];
            read4Transposed(right, b + k * 16 * rowBytes(WIDE) + n * 32);
            multiply(T(), c[2 * n], left, right[0], right[1]);
            multiply(T(), c[2 * n + 1], left, right[2], right[3]);
        }
    }
}

FORCE void put(T* to, float low, float high) { *(unsigned*) to = pair(T(), low, high); }
FORCE void put(float* to, float low, float high) { *(float2*) to = make_float2(low, high); }

// Writes a lane's two rows of c [16, COLUMNS], each times its factor; what is there is added to where `accumulate` says so.
template <int COLUMNS, class R> FORCE void write(R* x, i64 stride, int row, int end, int columns, const float (&c)[COLUMNS / 8][4], float first, float second, bool accumulate) {
    int column = threadIdx.x % 4 * 2;
#pragma unroll
    for (int n = 0; n < COLUMNS / 8; n++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int t = row + half * 8;
            if (t < end && n * 8 < columns) {
                float factor = half ? second : first, low = c[n][2 * half] * factor, high = c[n][2 * half + 1] * factor;
                R* to = x + t * stride + n * 8 + column;
                if (accumulate) {
                    low += real(to[0]);
                    high += real(to[1]);
                }
                put(to, low, high);
            }
        }
    }
}

struct Layout { const int* positions; const int* documents; int tokens; };

// The first and last of some neighbouring tokens.
struct Range {
    int firstDocument, firstPosition, lastDocument, lastPosition;
    FORCE Range() {}
    FORCE Range(Layout layout, int first, int count) {
        int f = min(first, layout.tokens - 1), l = min(first + count, layout.tokens) - 1;
        l = max(l, f);
        firstDocument = layout.documents[f];
        firstPosition = layout.positions[f];
        lastDocument = layout.documents[l];
        lastPosition = layout.positions[l];
    }
    // From copies of `there` tokens in shared memory.
    FORCE Range(const int* documents, const int* positions, int there) {
        firstDocument = documents[0];
        firstPosition = positions[0];
        lastDocument = documents[there - 1];
        lastPosition = positions[there - 1];
    }
};

// Whether no query can see any key; documents and, in a document, positions ascend.
FORCE bool unseen(Range queries, Range keys) {
    if (keys.lastDocument < queries.firstDocument || keys.firstDocument > queries.lastDocument) return true;
    return queries.firstDocument == queries.lastDocument && keys.firstDocument == keys.lastDocument && keys.firstPosition > queries.lastPosition;
}

// Whether every query sees every key.
FORCE bool allSeen(Range queries, Range keys) {
    return queries.firstDocument == queries.lastDocument && keys.firstDocument == keys.lastDocument && keys.firstDocument == queries.firstDocument
        && keys.lastPosition <= queries.firstPosition;
}

// Document and position of a lane's two rows.
struct Rows {
    int document[2], position[2];
    FORCE Rows(Layout layout, int row) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            bool there = row + half * 8 < layout.tokens;
            document[half] = there ? layout.documents[row + half * 8] : ABSENT;
            position[half] = there ? layout.positions[row + half * 8] : 0;
        }
    }
};

#define LAYOUTS const int* queryPositions, const int* queryDocuments, int queryTokens, const int* keyPositions, const int* keyDocuments, int keyTokens
#define QUERIES Layout {queryPositions, queryDocuments, queryTokens}
#define KEYS Layout {keyPositions, keyDocuments, keyTokens}
