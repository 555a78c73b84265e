// Gradients of weights w [E, D] that give 16-bit rows x [R, D] float32 scores, and of these rows, from the scores' gradient s [R, E] in float32: s^T x and s w. Tensor
// cores multiply bfloat16 numbers, and a float32 number is the sum of three of those, a float16 number of two, with nothing left over: so products are exact, sums are
// float32's, and x and w are read as they are. Follows mma.cuh.

using X = TYPE;
using U = RESULT;
constexpr int W = LANES;            // neighbours of x that are read at once: 8 or 1
constexpr int V = W == 8 ? 4 : 1;   // neighbours of sums that are written at once
constexpr int M = SIZE;             // pieces of 16 columns of s that a block has
constexpr int WARPS = 8;
constexpr int THREADS = 32 * WARPS;
constexpr int COLUMNS = 64;         // of a warp; a lane reads 8 neighbours of 4 rows
constexpr int STEP = 16;            // rows that the tensor cores take at a time
constexpr int CHUNK = 64;           // rows of s in shared memory
constexpr int WIDE = 16 * M + 2;    // numbers of such a row: lanes' reads fall into different banks

template <class A> constexpr int PARTS = 3;     // bfloat16 numbers that an A is the sum of
template <> constexpr int PARTS<bf16> = 1;
template <> constexpr int PARTS<f16> = 2;

/** The parts of two numbers, the largest first. */
template <int N> FORCE void split(float low, float high, unsigned (&parts)[N]) {
#pragma unroll
    for (int p = 0; p < N; p++) {
        parts[p] = pair(bf16(), low, high);
        low -= __uint_as_float(parts[p] << 16);
        high -= __uint_as_float(parts[p] & 0xffff0000u);
    }
}

FORCE void splitPair(bf16 low, bf16 high, unsigned (&parts)[1]) { parts[0] = low.bits | (unsigned) high.bits << 16; }
FORCE void splitPair(f16 low, f16 high, unsigned (&parts)[2]) { split(real(low), real(high), parts); }

/** Parts of 8 columns of two pairs of rows, as the tensor cores' right operands. */
using Right = unsigned[8][2][PARTS<X>];

/** sum += s's numbers times x's or w's, part by part. */
FORCE void addProducts(float (&sum)[8][4], const unsigned (&left)[4][PARTS<float>], const Right& right) {
#pragma unroll
    for (int p = 0; p < PARTS<float>; p++) {
        unsigned part[4] = {left[0][p], left[1][p], left[2][p], left[3][p]};
#pragma unroll
        for (int q = 0; q < PARTS<X>; q++)
#pragma unroll
            for (int j = 0; j < 8; j++) multiply(bf16(), sum[j], part, right[j][0][q], right[j][1][q]);
    }
}

/** A lane's 8 columns of 4 neighbouring rows; zeros where there are none. */
struct Rows {
    Pack<X, 8> row[4];

    FORCE void split(Right& right) const {
#pragma unroll
        for (int j = 0; j < 8; j++) {
            splitPair(row[0].at[j], row[1].at[j], right[j][0]);
            splitPair(row[2].at[j], row[3].at[j], right[j][1]);
        }
    }

    FORCE void read(const X* x, i64 stride, i64 first, i64 end, int column, int columns) {
#pragma unroll
        for (int r = 0; r < 4; r++) {
            const X* from = x + (first + r) * stride + column;
#pragma unroll
            for (int i = 0; i < 8; i += W) {
                Pack<X, W> part = {};
                if (first + r < end && column + i < columns) part = load<W>(from + i);
#pragma unroll
                for (int j = 0; j < W; j++) row[r].at[i + j] = part.at[j];
            }
        }
    }
};

/**
 * partial [shares, E, D] = s^T x of each share of the rows, which `addShares` adds up in their order. Blocks (tile of columns of x, share, group of columns of s); shared
 * memory [2][CHUNK][WIDE].
 */
extern "C" __global__ void __launch_bounds__(THREADS, M == 1 ? 2 : 1) shares(const float* s, i64 sStride, const X* x, i64 xStride, float* partial, i64 rows, int scores,
                                                                            int columns) {
    extern __shared__ float room[];
    int warp = threadIdx.x / 32, group = threadIdx.x % 32 / 4, quarter = threadIdx.x % 4;
    int firstScore = blockIdx.z * 16 * M, firstColumn = (blockIdx.x * WARPS + warp) * COLUMNS, column = firstColumn + group * 8;
    i64 steps = (rows + STEP - 1) / STEP, first = steps * blockIdx.y / gridDim.y * STEP, last = min(steps * (blockIdx.y + 1) / gridDim.y * STEP, rows);
    auto fetch = [&](int to, i64 from) {
        for (int i = threadIdx.x; i < CHUNK * 16 * M; i += THREADS) {
            int r = i / (16 * M), e = i % (16 * M);
            bool there = from + r < last && firstScore + e < scores;
            copy4(place(room + (to * CHUNK + r) * WIDE + e), there ? s + (from + r) * sStride + firstScore + e : s, there);
        }
        commit();
    };
    float sum[M][8][4] = {};
    Rows next;
    if (first < last) {
        fetch(0, first);
        next.read(x, xStride, first + 4 * quarter, last, column, columns);
    }
    int buffer = 0;
    for (i64 chunk = first; chunk < last; chunk += CHUNK, buffer ^= 1) {
        arrived<0>();
        __syncthreads();
        if (chunk + CHUNK < last) fetch(buffer ^ 1, chunk + CHUNK);
        for (int step = 0; step < CHUNK && chunk + step < last; step += STEP) {
            Rows now = next;
            next.read(x, xStride, chunk + step + STEP + 4 * quarter, last, column, columns);
            Right right;
            now.split(right);
#pragma unroll
            for (int m = 0; m < M; m++) {
                unsigned left[4][PARTS<float>];
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    const float* at = room + (buffer * CHUNK + step + 4 * quarter + i / 2 * 2) * WIDE + 16 * m + group + i % 2 * 8;
                    split(at[0], at[WIDE], left[i]);
                }
                addProducts(sum[m], left, right);
            }
        }
    }
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            int score = firstScore + 16 * m + group + i / 2 * 8, from = firstColumn + (2 * quarter + i % 2) * 8;
            float* to = partial + ((i64) blockIdx.y * scores + score) * columns + from;
#pragma unroll
            for (int j = 0; j < 8; j += V) {  // single numbers, 32 bytes from lane to lane, would take longer than all the rest
                Pack<float, V> part;
#pragma unroll
                for (int l = 0; l < V; l++) part.at[l] = sum[m][j + l][i];
                if (score < scores && from + j < columns) store(to + j, part);
            }
        }
}

/** out [E, D] = or += the sum over shares of partial [shares, E, D]. A block has 32 neighbours, and each of its warps every eighth share of them. */
extern "C" __global__ void __launch_bounds__(THREADS) addShares(const float* partial, int shares, U* out, i64 stride, int accumulate, int scores, int columns) {
    __shared__ float sums[WARPS][32];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    i64 size = (i64) scores * columns, at = (i64) blockIdx.x * 32 + lane;
    float sum = 0;
    if (at < size) {
#pragma unroll 8
        for (int share = warp; share < shares; share += WARPS) sum += partial[share * size + at];
    }
    sums[warp][lane] = sum;
    __syncthreads();
    if (warp > 0 || at >= size) return;
#pragma unroll
    for (int w = 1; w < WARPS; w++) sum += sums[w][lane];
    U* to = out + at / columns * stride + at % columns;
    *to = rounded<U>(accumulate ? real(*to) + sum : sum);
}

/** A lane's 4 neighbours of two rows of s, 8 apart; zeros where there are none. */
FORCE void readScores(const float* s, i64 stride, i64 row, i64 rows, int first, int scores, bool aligned, float (&x)[2][4]) {
#pragma unroll
    for (int h = 0; h < 2; h++) {
        const float* from = s + (row + 8 * h) * stride + first;
        bool there = row + 8 * h < rows;
        Pack<float, 4> four = {};
        if (aligned && there && first < scores) four = load<4>(from);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            if (!aligned && there && first + i < scores) four.at[i] = from[i];
            x[h][i] = four.at[i];
        }
    }
}

/** out [R, D] = or += s [R, E] w [E, D], w in 16 bits: a warp has 64 columns and goes from 16 rows to the next of its share. `aligned`: fours of s are. */
extern "C" __global__ void __launch_bounds__(THREADS, 1) rowsOf(const float* s, i64 sStride, const X* w, i64 wStride, U* out, i64 outStride, int accumulate, int aligned,
                                                               i64 rows, int scores, int columns) {
    int warp = threadIdx.x / 32, group = threadIdx.x % 32 / 4, quarter = threadIdx.x % 4;
    int firstColumn = (blockIdx.x * WARPS + warp) * COLUMNS, held = -1;
    if (firstColumn >= columns) return;
    Right right[M];
    for (i64 row = (i64) blockIdx.y * STEP; row < rows; row += (i64) gridDim.y * STEP) {
        Pack<U, 8> old[4] = {};  // of rows group, twice, and group + 8
#pragma unroll
        for (int i = 0; i < 4; i++) {
            i64 r = row + group + i / 2 * 8;
            int from = firstColumn + (2 * quarter + i % 2) * 8;
#pragma unroll
            for (int j = 0; j < 8; j += W) {
                if (accumulate && r < rows && from + j < columns) {
                    Pack<U, W> part = load<W>(out + r * outStride + from + j);
#pragma unroll
                    for (int l = 0; l < W; l++) old[i].at[j + l] = part.at[l];
                }
            }
        }
        float sum[8][4] = {};
        for (int first = 0; first < scores; first += 16 * M) {
            float x[M][2][4];
#pragma unroll
            for (int m = 0; m < M; m++) readScores(s, sStride, row + group, rows, first + 16 * m + 4 * quarter, scores, aligned, x[m]);
            if (held != first) {
                held = first;
#pragma unroll
                for (int m = 0; m < M; m++) {
                    Rows piece;
                    piece.read(w, wStride, first + 16 * m + 4 * quarter, scores, firstColumn + group * 8, columns);
                    piece.split(right[m]);
                }
            }
#pragma unroll
            for (int m = 0; m < M; m++) {
                unsigned left[4][PARTS<float>];
#pragma unroll
                for (int i = 0; i < 4; i++) split(x[m][i % 2][i / 2 * 2], x[m][i % 2][i / 2 * 2 + 1], left[i]);
                addProducts(sum, left, right[m]);
            }
        }
#pragma unroll
        for (int i = 0; i < 4; i++) {
            i64 r = row + group + i / 2 * 8;
            int from = firstColumn + (2 * quarter + i % 2) * 8;
#pragma unroll
            for (int j = 0; j < 8; j += W) {
                Pack<U, W> part;
#pragma unroll
                for (int l = 0; l < W; l++) part.at[l] = rounded<U>(real(old[i].at[j + l]) + sum[j + l][i]);
                if (r < rows && from + j < columns) store(out + r * outStride + from + j, part);
            }
        }
    }
}
