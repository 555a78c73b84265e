// Keys and values of latent attention (arXiv 2405.04434) from its up projection, and back.

using T = TYPE;
constexpr int W = LANES;    // divides all sizes

/** k = each head's [plain of up | rotary], v = each head's values of up; a thread a pack of a row of both. */
extern "C" __global__ void latentHeads(const T* up, i64 upStride, const T* rotary, i64 rotaryStride, T* k, i64 kStride, T* v,
                                       i64 vStride, i64 rows, int heads, int plain, int turned, int valueSize) {
    int width = plain + turned + valueSize;
    eachPack<W>(rows, (i64) heads * width, [&](i64 row, i64 column, auto lanes) {
        constexpr int L = decltype(lanes)::count;
        int head = (int) column / width, at = (int) column - head * width;
        const T* from = up + row * upStride + (i64) head * (plain + valueSize);
        T* key = k + row * kStride + (i64) head * (plain + turned);
        if (at < plain) store(key + at, load<L>(from + at));
        else if (at < plain + turned) store(key + at, load<L>(rotary + row * rotaryStride + at - plain));
        else store(v + row * vStride + (i64) head * valueSize + at - plain - turned, load<L>(from + at - turned));
    });
}

/** dUp and dRotary, the latter summed over the heads in their order. */
extern "C" __global__ void latentHeadsGrad(const T* dk, i64 kStride, const T* dv, i64 vStride, T* dUp, i64 upStride, T* dRotary,
                                           i64 rotaryStride, i64 rows, int heads, int plain, int turned, int valueSize) {
    int width = plain + valueSize;
    eachPack<W>(rows, (i64) heads * width + turned, [&](i64 row, i64 column, auto lanes) {
        constexpr int L = decltype(lanes)::count;
        const T* keys = dk + row * kStride;
        if (column < (i64) heads * width) {
            int head = (int) column / width, at = (int) column - head * width;
            const T* from = at < plain ? keys + (i64) head * (plain + turned) + at : dv + row * vStride + (i64) head * valueSize + at - plain;
            store(dUp + row * upStride + column, load<L>(from));
            return;
        }
        int at = (int) (column - (i64) heads * width);
        float sums[L] = {};
#pragma unroll 8
        for (int h = 0; h < heads; h++) {  // many loads under way: few threads have these sums
            Pack<T, L> pack = load<L>(keys + (i64) h * (plain + turned) + plain + at);
#pragma unroll
            for (int i = 0; i < L; i++) sums[i] += real(pack.at[i]);
        }
        Pack<T, L> total;
#pragma unroll
        for (int i = 0; i < L; i++) total.at[i] = rounded<T>(sums[i]);
        store(dRotary + row * rotaryStride + at, total);
    });
}
