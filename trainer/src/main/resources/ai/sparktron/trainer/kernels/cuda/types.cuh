// Element types, packs of them, and sums over threads: what stands before every source. Compiled at run time without the toolkit's headers.

typedef long long i64;
typedef unsigned long long u64;

#define FORCE __device__ __forceinline__
#define INFINITE __int_as_float(0x7f800000)

struct bf16 {
    unsigned short bits;
};

struct f16 {
    unsigned short bits;
};

// ---- one element to and from float32, rounding to nearest even ----

FORCE float real(float x) { return x; }
FORCE float real(double x) { return (float) x; }
FORCE float real(bf16 x) { return __uint_as_float((unsigned) x.bits << 16); }
FORCE float real(f16 x) {
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
    return y;
}

FORCE void roundTo(float x, float& y) { y = x; }
FORCE void roundTo(float x, double& y) { y = x; }
FORCE void roundTo(float x, bf16& y) { asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x)); }
FORCE void roundTo(float x, f16& y) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(x)); }

/** The element of type T nearest to x. */
template <class T> FORCE T rounded(float x) {
    T y;
    roundTo(x, y);
    return y;
}

// ---- W neighbours, moved by one instruction ----

template <class T, int W> struct alignas(sizeof(T) * W) Pack {
    T at[W];
};

/** W elements at p, which is a multiple of their bytes (16 at most). */
template <int W, class T> FORCE Pack<T, W> load(const T* p) { return *reinterpret_cast<const Pack<T, W>*>(p); }

template <int W, class T> FORCE void store(T* p, const Pack<T, W>& pack) { *reinterpret_cast<Pack<T, W>*>(p) = pack; }

/** W floats at p, by as few instructions; p is a multiple of their bytes, or of 16. */
template <int W> FORCE void loadFloats(const float* p, float (&x)[W]) {
    constexpr int STEP = W < 4 ? W : 4;
#pragma unroll
    for (int i = 0; i < W; i += STEP) {
        Pack<float, STEP> part = load<STEP>(p + i);
#pragma unroll
        for (int j = 0; j < STEP; j++) x[i + j] = part.at[j];
    }
}

// ---- all elements of a matrix, a pack to a thread ----

/** A number of neighbours as a type, so that a lambda can be compiled for it. */
template <int COUNT> struct Lanes {
    static constexpr int count = COUNT;
};

/**
 * Calls f(row, column, Lanes<W>) for each pack of a matrix, the grid's threads taking neighbouring packs. W divides the columns, or there is one row, whose last
 * elements are called with Lanes<1>. The grid has at least W threads.
 */
template <int W, class F> FORCE void eachPack(i64 rows, i64 columns, F f) {
    i64 packs = columns / W, total = rows * packs;
    i64 thread = (i64) blockIdx.x * blockDim.x + threadIdx.x, threads = (i64) gridDim.x * blockDim.x;
    bool small = total <= 0x7fffffffll;  // a division of 64 bits costs as much as moving the pack
    for (i64 i = thread; i < total; i += threads) {
        i64 row = rows == 1 ? 0 : small ? (unsigned) i / (unsigned) packs : i / packs;
        f(row, (i - row * packs) * W, Lanes<W>());
    }
    if (W > 1) {
        i64 column = packs * W + thread;
        if (column < columns) f(0, column, Lanes<1>());
    }
}

// ---- sums and maxima over threads: the same bits at every call ----

constexpr unsigned ALL = 0xffffffffu;  // lanes of a warp

/** Sum over each aligned group of GROUP neighbouring lanes of a warp, in all of them. */
template <int GROUP = 32, class A> FORCE A warpSum(A x) {
#pragma unroll
    for (int distance = GROUP / 2; distance > 0; distance /= 2) x += __shfl_xor_sync(ALL, x, distance);
    return x;
}

template <int GROUP = 32> FORCE float warpMax(float x) {
#pragma unroll
    for (int distance = GROUP / 2; distance > 0; distance /= 2) x = fmaxf(x, __shfl_xor_sync(ALL, x, distance));
    return x;
}

/** Sum over the block's threads, in all of them. The block has whole warps; every thread calls. */
template <class A> FORCE A blockSum(A x) {
    __shared__ A sums[32];
    x = warpSum(x);
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32, warps = blockDim.x / 32;
    __syncthreads();  // a sum before this one may still be read
    if (lane == 0) sums[warp] = x;
    __syncthreads();
    return warpSum(lane < warps ? sums[lane] : A(0));
}
