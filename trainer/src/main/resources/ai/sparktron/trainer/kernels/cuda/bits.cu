// Elements as bits.

using T = TYPE;             // unsigned integer of the elements' size
constexpr int W = LANES;

extern "C" __global__ void move(const T* x, i64 xStride, T* out, i64 outStride, i64 rows, i64 columns) {
    eachPack<W>(rows, columns, [&](i64 row, i64 column, auto lanes) {
        constexpr int L = decltype(lanes)::count;
        store(out + row * outStride + column, load<L>(x + row * xStride + column));
    });
}

extern "C" __global__ void fill(T* x, i64 stride, u64 bits, i64 rows, i64 columns) {
    eachPack<W>(rows, columns, [&](i64 row, i64 column, auto lanes) {
        constexpr int L = decltype(lanes)::count;
        Pack<T, L> pack;
#pragma unroll
        for (int i = 0; i < L; i++) pack.at[i] = (T) bits;
        store(x + row * stride + column, pack);
    });
}
