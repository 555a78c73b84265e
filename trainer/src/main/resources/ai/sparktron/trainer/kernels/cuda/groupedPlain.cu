// Products of experts for operands of any type, alignment and size, in float32: those that the tensor cores cannot take. A block has 64 x 64 tiles of results, a
// thread 4 x 4 of their elements. Follows grouped.cuh.

using T = TYPE;             // of operands
using U = RESULT;           // of the weights' gradient

constexpr int TILE = 64;
constexpr int DEPTH = 16;
constexpr int THREADS = 256;

struct Operand {
    const T* x;
    i64 outer, inner;       // from element to element along the result's side, and along the sum
    int size;               // along the result's side
};

/** tile [DEPTH][TILE] = elements [first, first + DEPTH) of the sum; zeros where there are none. Neighbouring threads read neighbouring elements. */
FORCE void fetch(float (&tile)[DEPTH][TILE + 4], Operand operand, int first, int length) {
    for (int e = threadIdx.x; e < TILE * DEPTH; e += THREADS) {
        int outer = operand.inner == 1 ? e / DEPTH : e % TILE, inner = operand.inner == 1 ? e % DEPTH : e / TILE;
        bool there = outer < operand.size && first + inner < length;
        tile[inner][outer] = there ? real(operand.x[outer * operand.outer + (first + inner) * operand.inner]) : 0;
    }
}

/** sum [4][4]: of rows threadIdx / 16 + 16 i, columns threadIdx % 16 + 16 j. */
FORCE void multiply(Operand left, Operand right, int length, float (&sum)[4][4]) {
    __shared__ float lefts[DEPTH][TILE + 4], rights[DEPTH][TILE + 4];
    int row = threadIdx.x / 16, column = threadIdx.x % 16;
    for (int first = 0; first < length; first += DEPTH) {
        __syncthreads();
        fetch(lefts, left, first, length);
        fetch(rights, right, first, length);
        __syncthreads();
#pragma unroll
        for (int k = 0; k < DEPTH; k++) {
            float a[4], b[4];
#pragma unroll
            for (int i = 0; i < 4; i++) {
                a[i] = lefts[k][row + 16 * i];
                b[i] = rights[k][column + 16 * i];
            }
#pragma unroll
            for (int i = 0; i < 4; i++)
#pragma unroll
                for (int j = 0; j < 4; j++) sum[i][j] += a[i] * b[j];
        }
    }
}

/** Calls f(row of the tile, column of the tile, sum) for the thread's elements below the sizes. */
template <class F> FORCE void each(const float (&sum)[4][4], int rows, int columns, F f) {
#pragma unroll
    for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) {
            int row = threadIdx.x / 16 + 16 * i, column = threadIdx.x % 16 + 16 * j;
            if (row < rows && column < columns) f(row, column, sum[i][j]);
        }
}

/** out [N, columns] = or += x [N, inner] op(w[e]); an expert has `height` rows of w. Shared memory: [experts + 1]. */
extern "C" __global__ void __launch_bounds__(THREADS) plainSegments(const T* x, i64 xStride, const int* offsets, int experts, const T* w, i64 wStride,
                                                                    int height, int transposed, T* out, i64 outStride, int columns, int inner, int accumulate) {
    extern __shared__ int before[];
    SegmentTiles tiles(offsets, experts, TILE, (columns + TILE - 1) / TILE, before);
    for (int tile = blockIdx.x; tile < tiles.count(); tile += gridDim.x) {
        int expert, row, column;
        tiles.find(tile, expert, row, column);
        i64 first = offsets[expert] + row * TILE;
        int rows = (int) (offsets[expert + 1] - first), start = column * TILE;
        const T* matrix = w + (i64) expert * height * wStride;
        Operand left {x + first * xStride, xStride, 1, rows};
        Operand right = transposed ? Operand {matrix + start * wStride, wStride, 1, columns - start} : Operand {matrix + start, 1, wStride, columns - start};
        float sum[4][4] = {};
        multiply(left, right, inner, sum);
        each(sum, rows, columns - start, [&](int r, int c, float value) {
            T* to = out + (first + r) * outStride + start + c;
            *to = rounded<T>(accumulate ? real(*to) + value : value);
        });
    }
}

/** dW[e] [rows, columns] = or += dy[segment]^T x[segment] */
extern "C" __global__ void __launch_bounds__(THREADS) plainGradient(const T* dy, i64 dyStride, const T* x, i64 xStride, const int* offsets, int experts,
                                                                    U* dW, i64 stride, int rows, int columns, int accumulate) {
    int down = (rows + TILE - 1) / TILE, across = (columns + TILE - 1) / TILE;
    for (int tile = blockIdx.x; tile < experts * down * across; tile += gridDim.x) {
        int expert = tile / (down * across), rest = tile - expert * down * across;
        int row = rest % down * TILE, column = rest / down * TILE;
        i64 first = offsets[expert];
        float sum[4][4] = {};
        multiply(Operand {dy + first * dyStride + row, 1, dyStride, rows - row}, Operand {x + first * xStride + column, 1, xStride, columns - column},
                 (int) (offsets[expert + 1] - first), sum);
        each(sum, rows - row, columns - column, [&](int r, int c, float value) {
            U* to = dW + ((i64) expert * rows + row + r) * stride + column + c;
            *to = rounded<U>(accumulate ? real(*to) + value : value);
        });
    }
}
