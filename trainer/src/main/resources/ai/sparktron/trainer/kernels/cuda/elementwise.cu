// Sums, factors and conversions, element by element.

using T = TYPE;             // of the operands
using U = RESULT;           // of a result that may be wider
constexpr int W = LANES;    // neighbours that a thread takes at a time

extern "C" __global__ void add(const T* a, i64 aStride, const T* b, i64 bStride, T* out, i64 outStride, i64 rows, i64 columns) {
    eachPack<W>(rows, columns, [&](i64 row, i64 column, auto lanes) {
        constexpr int L = decltype(lanes)::count;
        Pack<T, L> x = load<L>(a + row * aStride + column), y = load<L>(b + row * bStride + column);
#pragma unroll
        for (int i = 0; i < L; i++) x.at[i] = rounded<T>(real(x.at[i]) + real(y.at[i]));
        store(out + row * outStride + column, x);
    });
}

/** y += factor * x */
extern "C" __global__ void addScaled(float factor, const T* x, i64 xStride, U* y, i64 yStride, i64 rows, i64 columns) {
    eachPack<W>(rows, columns, [&](i64 row, i64 column, auto lanes) {
        constexpr int L = decltype(lanes)::count;
        Pack<T, L> from = load<L>(x + row * xStride + column);
        Pack<U, L> to = load<L>(y + row * yStride + column);
#pragma unroll
        for (int i = 0; i < L; i++) to.at[i] = rounded<U>(real(to.at[i]) + factor * real(from.at[i]));
        store(y + row * yStride + column, to);
    });
}

extern "C" __global__ void scale(T* x, i64 stride, float factor, i64 rows, i64 columns) {
    eachPack<W>(rows, columns, [&](i64 row, i64 column, auto lanes) {
        constexpr int L = decltype(lanes)::count;
        Pack<T, L> pack = load<L>(x + row * stride + column);
#pragma unroll
        for (int i = 0; i < L; i++) pack.at[i] = rounded<T>(real(pack.at[i]) * factor);
        store(x + row * stride + column, pack);
    });
}

/** out = x in another type */
extern "C" __global__ void convert(const T* x, i64 xStride, U* out, i64 outStride, i64 rows, i64 columns) {
    eachPack<W>(rows, columns, [&](i64 row, i64 column, auto lanes) {
        constexpr int L = decltype(lanes)::count;
        Pack<T, L> from = load<L>(x + row * xStride + column);
        Pack<U, L> to;
#pragma unroll
        for (int i = 0; i < L; i++) to.at[i] = rounded<U>(real(from.at[i]));
        store(out + row * outStride + column, to);
    });
}

/** x += bias in every row */
extern "C" __global__ void addBias(T* x, i64 stride, const T* bias, i64 rows, i64 columns) {
    eachPack<W>(rows, columns, [&](i64 row, i64 column, auto lanes) {
        constexpr int L = decltype(lanes)::count;
        Pack<T, L> pack = load<L>(x + row * stride + column), shift = load<L>(bias + column);
#pragma unroll
        for (int i = 0; i < L; i++) pack.at[i] = rounded<T>(real(pack.at[i]) + real(shift.at[i]));
        store(x + row * stride + column, pack);
    });
}
