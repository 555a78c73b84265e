// Philox4x32-10 as the class Philox describes it: element i takes word i % 4 of block i / 4.
FORCE void philox(u64 seed, u64 block, u32* words) {
    u32 c0 = (u32) block, c1 = (u32) (block >> 32), c2 = 0, c3 = 0, k0 = (u32) seed, k1 = (u32) (seed >> 32);
    for (int round = 0; round < 10; round++) {
        u64 p0 = (u64) 0xD2511F53u * c0, p1 = (u64) 0xCD9E8D57u * c2;
        u32 n0 = (u32) (p1 >> 32) ^ c1 ^ k0, n2 = (u32) (p0 >> 32) ^ c3 ^ k1;
        c1 = (u32) p1;
        c3 = (u32) p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
}

FORCE float uniform(u32 word) { return (word >> 8) * 0x1p-24f; }

FORCE float normal(const u32* words, int lane) {
    int even = lane & ~1;
    double radius = sqrt(-2.0 * log(((double) words[even] + 1.0) * 0x1p-32)), angle = 6.283185307179586 * ((double) words[even + 1] * 0x1p-32);
    return (float) (radius * (lane == even ? cos(angle) : sin(angle)));
}

#define RANDOM(T, name, N) \
extern "C" __global__ void fillNormal_##name(T* x, i64 sx, u64 seed, i64 firstRow, i64 firstColumn, i64 globalColumns, float mean, float deviation, \
        i64 rows, i64 columns) { \
    EACH(r, c, rows, columns, 1) { \
        u64 index = (u64) ((firstRow + r) * globalColumns + firstColumn + c); \
        u32 words[4]; \
        philox(seed, index / 4, words); \
        x[r * sx + c] = rounded<T>(__fadd_rn(mean, __fmul_rn(deviation, normal(words, (int) (index % 4))))); \
    } \
} \
extern "C" __global__ void fillUniform_##name(T* x, i64 sx, u64 seed, i64 firstRow, i64 firstColumn, i64 globalColumns, float low, float high, float largest, \
        i64 rows, i64 columns) { \
    EACH(r, c, rows, columns, 1) { \
        u64 index = (u64) ((firstRow + r) * globalColumns + firstColumn + c); \
        u32 words[4]; \
        philox(seed, index / 4, words); \
        float value = __fadd_rn(low, __fmul_rn(uniform(words[index % 4]), high - low)); \
        x[r * sx + c] = rounded<T>(value >= high && low < high ? largest : value); \
    } \
} \
extern "C" __global__ void dropout_##name(const T* x, i64 sx, u64 seed, i64 firstRow, i64 firstColumn, i64 globalColumns, float probability, T* out, i64 so, \
        i64 rows, i64 columns) { \
    EACH(r, c, rows, columns, 1) { \
        u64 index = (u64) ((firstRow + r) * globalColumns + firstColumn + c); \
        u32 words[4]; \
        philox(seed, index / 4, words); \
        out[r * so + c] = rounded<T>(uniform(words[index % 4]) < probability ? 0.0f : real(x[r * sx + c]) * (1 / (1 - probability))); \
    } \
}
ACTIVATIONS(RANDOM)
