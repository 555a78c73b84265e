// A matrix and its transpose in eight bits, in one pass over it. A block of 256 threads has a tile of 128 x 128, which is also what shares scales.

struct e4m3 {
    static constexpr float largest = 448;
};

struct e5m2 {
    static constexpr float largest = 57344;
};

using T = TYPE;             // of the matrix
using F = RESULT;           // e4m3 or e5m2
constexpr int W = LANES;    // 4 where four neighbours can be loaded at once, else 1
constexpr bool ROWS = SIZE & 1, TURNED = SIZE & 2;      // what is wanted
constexpr bool SEEN = SIZE & 4;                         // whether the largest magnitude is told
constexpr bool PIECES = SIZE & 8, SQUARES = SIZE & 16;  // a scale for each 128 neighbours, or for each tile; else one that is given

constexpr int TILE = 128, WARPS = 8;
constexpr int GROUPS = TILE / 4 / WARPS;  // of four rows, which a warp has

// ---- rounding to nearest even, what is too large to the largest number ----

FORCE unsigned narrowed(float x, e4m3) {
    unsigned magnitude = __float_as_uint(x) & 0x7fffffffu;
    unsigned bits = (magnitude + 0x7ffffu + (magnitude >> 20 & 1) - (120u << 23)) >> 20;
    if (magnitude < 0x3c800000u) bits = (unsigned) __float2int_rn(fabsf(x) * 0x1p9f);  // below the smallest normal number
    if (fabsf(x) >= e4m3::largest) bits = 0x7e;
    if (x != x) bits = 0x7f;
    return bits | (__float_as_uint(x) >> 24 & 0x80);
}

FORCE unsigned narrowed(float x, e5m2) {
    unsigned magnitude = __float_as_uint(x) & 0x7fffffffu;
    unsigned bits = (magnitude + 0xfffffu + (magnitude >> 21 & 1) - (112u << 23)) >> 21;
    if (magnitude < 0x38800000u) bits = (unsigned) __float2int_rn(fabsf(x) * 0x1p16f);
    if (fabsf(x) >= e5m2::largest) bits = 0x7b;
    if (x != x) bits = 0x7f;
    return bits | (__float_as_uint(x) >> 24 & 0x80);
}

#if __CUDA_ARCH__ >= 890
FORCE unsigned pair(float low, float high, e4m3) {
    unsigned short both;
    asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(both) : "f"(high), "f"(low));
    return both;
}

FORCE unsigned pair(float low, float high, e5m2) {
    unsigned short both;
    asm("cvt.rn.satfinite.e5m2x2.f32 %0, %1, %2;" : "=h"(both) : "f"(high), "f"(low));
    return both;
}
#else
FORCE unsigned pair(float low, float high, F type) { return narrowed(low, type) | narrowed(high, type) << 8; }
#endif

/** Four neighbours, the first in the lowest byte. */
FORCE unsigned word(float a, float b, float c, float d) { return pair(a, b, F()) | pair(c, d, F()) << 16; }

// ---- scales, as Fp8Kernels says ----

FORCE float factorOf(float largest) {
    if (largest == 0 || !(largest < INFINITE)) return 1;
    float factor = fminf(0x1p126f, F::largest / largest);
    return PIECES || SQUARES ? __uint_as_float(__float_as_uint(factor) & 0xff800000u) : factor;
}

FORCE float scaleOf(float largest) { return largest < INFINITE ? 1 / factorOf(largest) : __int_as_float(0x7fc00000); }

/** Infinite for what is not a number. */
FORCE float magnitude(float x) { return fabsf(x) < INFINITE ? fabsf(x) : INFINITE; }

/** Four neighbours of a row, zeros behind its end. */
FORCE Pack<T, 4> four(const T* row, i64 column, i64 columns) {
    if (W == 4 && column < columns) return load<4>(row + column);
    Pack<T, 4> pack;
#pragma unroll
    for (int i = 0; i < 4; i++) pack.at[i] = column + i < columns ? row[column + i] : rounded<T>(0.f);
    return pack;
}

/**
 * rows [R, C] and turned [C, turnedStride], zeros behind its R columns; scales are laid out as Quantised says.
 *
 * @param largest of the matrix, where its scale is given
 * @param seen    raised to the largest magnitude
 */
extern "C" __global__ void __launch_bounds__(256) quantise(const T* x, i64 stride, i64 R, i64 C, const float* largest, unsigned char* rows, float* rowScales,
        i64 rowScaleStride, unsigned char* turned, i64 turnedStride, float* turnedScales, i64 turnedScaleStride, float* seen) {
    __shared__ unsigned tile[TILE][TILE / 4 + 1];
    __shared__ float tops[WARPS][TILE];
    i64 firstRow = (i64) blockIdx.y * TILE, firstColumn = (i64) blockIdx.x * TILE;
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    i64 column = firstColumn + 4 * lane;
    Pack<T, 4> v[GROUPS][4];
#pragma unroll
    for (int g = 0; g < GROUPS; g++) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
            i64 row = firstRow + 4 * (warp + WARPS * g) + i;
            v[g][i] = four(x + row * stride, column, row < R ? C : 0);
        }
    }
    float rowTop[GROUPS][4] = {}, columnTop[4] = {}, all = 0;
    if (PIECES || SQUARES || SEEN) {
#pragma unroll
        for (int g = 0; g < GROUPS; g++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
#pragma unroll
                for (int j = 0; j < 4; j++) {
                    float m = magnitude(real(v[g][i].at[j]));
                    rowTop[g][i] = fmaxf(rowTop[g][i], m);
                    columnTop[j] = fmaxf(columnTop[j], m);
                }
                all = fmaxf(all, rowTop[g][i]);
                if (PIECES) rowTop[g][i] = warpMax(rowTop[g][i]);
            }
        }
    }
    if (PIECES && TURNED) {
#pragma unroll
        for (int j = 0; j < 4; j++) tops[warp][4 * lane + j] = columnTop[j];
        __syncthreads();
#pragma unroll
        for (int j = 0; j < 4; j++) {
#pragma unroll
            for (int w = 0; w < WARPS; w++) columnTop[j] = fmaxf(columnTop[j], tops[w][4 * lane + j]);
            if (warp == 0 && column + j < C) turnedScales[blockIdx.y * turnedScaleStride + column + j] = scaleOf(columnTop[j]);
        }
    }
    if (SQUARES || SEEN) {
        all = warpMax(all);
        if (lane == 0) tops[warp][0] = all;
        __syncthreads();
#pragma unroll
        for (int w = 0; w < WARPS; w++) all = fmaxf(all, tops[w][0]);
        // Floats that are not negative are ordered as their bits are.
        if (SEEN && threadIdx.x == 0) atomicMax(reinterpret_cast<int*>(seen), __float_as_int(all));
    }
    if (!PIECES && !SQUARES) all = largest[0];
    if (!PIECES && threadIdx.x == 0 && (SQUARES || blockIdx.x + blockIdx.y == 0)) {
        if (ROWS) rowScales[blockIdx.y * rowScaleStride + blockIdx.x] = scaleOf(all);
        if (TURNED) turnedScales[blockIdx.x * turnedScaleStride + blockIdx.y] = scaleOf(all);
    }
    float factor = PIECES ? 1 : factorOf(all);
    if (ROWS) {
#pragma unroll
        for (int g = 0; g < GROUPS; g++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                i64 row = firstRow + 4 * (warp + WARPS * g) + i;
                if (row >= R) continue;
                float f = PIECES ? factorOf(rowTop[g][i]) : factor;
                if (PIECES && lane == 0) rowScales[blockIdx.x * rowScaleStride + row] = scaleOf(rowTop[g][i]);
                unsigned bytes = word(real(v[g][i].at[0]) * f, real(v[g][i].at[1]) * f, real(v[g][i].at[2]) * f, real(v[g][i].at[3]) * f);
                if (W == 4) {
                    if (column < C) *reinterpret_cast<unsigned*>(rows + row * C + column) = bytes;
                } else {
                    for (int j = 0; j < 4; j++) if (column + j < C) rows[row * C + column + j] = (unsigned char) (bytes >> 8 * j);
                }
            }
        }
    }
    if (TURNED) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
            float f = PIECES ? factorOf(columnTop[j]) : factor;
#pragma unroll
            for (int g = 0; g < GROUPS; g++) {
                unsigned bytes = word(real(v[g][0].at[j]) * f, real(v[g][1].at[j]) * f, real(v[g][2].at[j]) * f, real(v[g][3].at[j]) * f);
                // Turned by a word for each 32 columns, so that a warp's words go to 32 banks.
                tile[4 * lane + j][(warp + WARPS * g + lane / 8) % 32] = bytes;
            }
        }
        __syncthreads();
        for (int part = threadIdx.x; part < TILE * 8; part += 256) {
            int c = part / 8, sixteen = part % 8;
            i64 to = firstRow + 16 * sixteen;
            if (firstColumn + c >= C || to >= turnedStride) continue;
            Pack<unsigned, 4> bytes;
#pragma unroll
            for (int i = 0; i < 4; i++) bytes.at[i] = tile[c][(4 * sixteen + i + c / 32) % 32];
            store(reinterpret_cast<unsigned*>(turned + (firstColumn + c) * turnedStride + to), bytes);
        }
    }
}
