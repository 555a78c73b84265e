// The place of the largest number of each row.

using T = TYPE;
constexpr int W = LANES;    // divides the row stride; columns past the last whole pack are taken one by one
constexpr int THREADS = 1024;

struct Best {
    float value = -INFINITE;
    int at = 0x7fffffff;
    int damaged = 0;

    FORCE void see(float x, int place) {
        damaged |= x != x;
        if (x > value || x == value && place < at) {
            value = x;
            at = place;
        }
    }
};

/** The best of a warp's threads, in all of them. */
FORCE Best warpBest(Best mine) {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) {
        float value = __shfl_xor_sync(ALL, mine.value, distance);
        int at = __shfl_xor_sync(ALL, mine.at, distance);
        mine.see(value, at);
    }
    return mine;
}

/** A block a row; ids[row] = the smallest place of the largest number, or -1 where one is NaN. */
extern "C" __global__ void __launch_bounds__(THREADS) likeliest(const T* x, i64 stride, int columns, int* ids) {
    __shared__ Best bests[THREADS / 32];
    const T* row = x + blockIdx.x * stride;
    int packs = columns / W;
    Best best;
#pragma unroll 4
    for (int pack = threadIdx.x; pack < packs; pack += THREADS) {
        Pack<T, W> some = load<W>(row + (i64) pack * W);
#pragma unroll
        for (int i = 0; i < W; i++) best.see(real(some.at[i]), pack * W + i);
    }
    if (packs * W + (int) threadIdx.x < columns) best.see(real(row[packs * W + threadIdx.x]), packs * W + threadIdx.x);
    int damaged = __syncthreads_or(best.damaged);
    best = warpBest(best);
    if (threadIdx.x % 32 == 0) bests[threadIdx.x / 32] = best;
    __syncthreads();
    best = warpBest(bests[threadIdx.x % 32]);
    if (threadIdx.x == 0) ids[blockIdx.x] = damaged ? -1 : best.at;
}
