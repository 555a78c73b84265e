// Tensors of random numbers, number for number as Philox.java has them.

using T = TYPE;
constexpr int W = LANES;    // 4 where every pack begins at a multiple of 4 of the global tensor, and so has one block of words; else 1

FORCE float uniform(const Words& words, int lane) { return (word(words, lane) >> 8) * 0x1p-24f; }

/** By Box and Muller in double precision, as on the host. */
FORCE float normal(const Words& words, int lane) {
    double radius = sqrt(-2 * log((word(words, lane & ~1) + 1.0) * 0x1p-32));
    double sine, cosine;
    sincospi(word(words, lane | 1) * 0x1p-31, &sine, &cosine);
    return (float) (radius * (lane % 2 == 0 ? cosine : sine));
}

/** Calls f(row, column, lanes, words, lane of the first element in them) for each pack. */
template <class F> FORCE void eachWord(u64 seed, i64 first, i64 globalColumns, i64 rows,
                                                             i64 columns, F f) {
    eachPack<W>(rows, columns, [&](i64 row, i64 column, auto lanes) {
        i64 index = first + row * globalColumns + column;
        f(row, column, lanes, philox(seed, (u64) index / 4), (int) (index % 4));
    });
}

extern "C" __global__ void fillNormal(T* x, i64 stride, u64 seed, i64 first, i64 globalColumns, float mean, float deviation,
                                      i64 rows, i64 columns) {
    eachWord(seed, first, globalColumns, rows, columns, [&](i64 row, i64 column, auto lanes, const Words& words, int lane) {
        Pack<T, decltype(lanes)::count> pack;
#pragma unroll
        for (int i = 0; i < decltype(lanes)::count; i++) pack.at[i] = rounded<T>(__fadd_rn(mean, __fmul_rn(deviation, normal(words, lane + i))));
        store(x + row * stride + column, pack);
    });
}

/** Numbers in [low, low + width); what rounds up to {@code high} or past it becomes {@code below}. */
extern "C" __global__ void fillUniform(T* x, i64 stride, u64 seed, i64 first, i64 globalColumns, float low, float width,
                                       float high, float below, i64 rows, i64 columns) {
    eachWord(seed, first, globalColumns, rows, columns, [&](i64 row, i64 column, auto lanes, const Words& words, int lane) {
        Pack<T, decltype(lanes)::count> pack;
#pragma unroll
        for (int i = 0; i < decltype(lanes)::count; i++) {
            float value = __fadd_rn(low, __fmul_rn(uniform(words, lane + i), width));
            pack.at[i] = rounded<T>(value >= high ? below : value);
        }
        store(x + row * stride + column, pack);
    });
}

/** A pack of which elements are left out. */
template <int N> FORCE void leaveOut(Pack<T, N>& pack, const Words& words, int lane, float probability, float factor) {
#pragma unroll
    for (int i = 0; i < N; i++) pack.at[i] = rounded<T>(uniform(words, lane + i) < probability ? 0.0f : real(pack.at[i]) * factor);
}

extern "C" __global__ void dropout(const T* x, i64 xStride, T* out, i64 outStride, u64 seed, i64 first,
                                   i64 globalColumns, float probability, float factor, i64 rows, i64 columns) {
    eachWord(seed, first, globalColumns, rows, columns, [&](i64 row, i64 column, auto lanes, const Words& words, int lane) {
        auto pack = load<decltype(lanes)::count>(x + row * xStride + column);
        leaveOut(pack, words, lane, probability, factor);
        store(out + row * outStride + column, pack);
    });
}

/** Row i is left out of as row keys[i] of the mask is, a whole number; what it is in rows that no one reads does not matter. */
extern "C" __global__ void sortedDropout(const T* x, i64 xStride, T* out, i64 outStride, const float* keys, u64 seed, i64 firstColumn,
                                         i64 globalColumns, float probability, float factor, i64 rows, i64 columns) {
    eachPack<W>(rows, columns, [&](i64 row, i64 column, auto lanes) {
        i64 index = (i64) keys[row] * globalColumns + firstColumn + column;
        auto pack = load<decltype(lanes)::count>(x + row * xStride + column);
        leaveOut(pack, philox(seed, (u64) index / 4), (int) ((u64) index % 4), probability, factor);
        store(out + row * outStride + column, pack);
    });
}
