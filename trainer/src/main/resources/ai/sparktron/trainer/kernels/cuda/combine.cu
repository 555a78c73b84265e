// What experts made of a token, added up.

using T = TYPE;
constexpr int W = LANES;    // divides the columns

/** out[t] = or += the sum over j of x[places[t, j]], in the order of j; negative places add nothing. */
extern "C" __global__ void sumRows(const T* x, i64 stride, const int* places, i64 placeStride, int chosen, T* out, i64 outStride, int accumulate,
                                   i64 rows, i64 columns) {
    eachPack<W>(rows, columns, [&](i64 row, i64 column, auto lanes) {
        constexpr int L = decltype(lanes)::count;
        const int* from = places + row * placeStride;
        T* to = out + row * outStride + column;
        float sum[L] = {};
        if (accumulate) {
            Pack<T, L> old = load<L>(to);
#pragma unroll
            for (int i = 0; i < L; i++) sum[i] = real(old.at[i]);
        }
#pragma unroll 4
        for (int j = 0; j < chosen; j++) {
            int place = from[j];
            Pack<T, L> pack = {};
            if (place >= 0) pack = load<L>(x + place * stride + column);
#pragma unroll
            for (int i = 0; i < L; i++) sum[i] += real(pack.at[i]);
        }
        Pack<T, L> total;
#pragma unroll
        for (int i = 0; i < L; i++) total.at[i] = rounded<T>(sum[i]);
        store(to, total);
    });
}
