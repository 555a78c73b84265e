// Element types, packs of them, and sums over threads: what stands before every source. Compiled at run time without the toolkit's headers.

struct bf16 { unsigned short bits; };
struct f16 { unsigned short bits; };

// ---- one element to and from float32, rounding to nearest even ----

__device__ __forceinline__ float real(float x) { return x; }
__device__ __forceinline__ float real(double x) { return (float) x; }
__device__ __forceinline__ float real(bf16 x) { return __uint_as_float((unsigned) x.bits << 16); }
__device__ __forceinline__ float real(f16 x) {
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
    return y;
}

__device__ __forceinline__ void round_to(float x, float& y) { y = x; }
__device__ __forceinline__ void round_to(float x, double& y) { y = x; }
__device__ __forceinline__ void round_to(float x, bf16& y) { asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x)); }
__device__ __forceinline__ void round_to(float x, f16& y) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(x)); }

/** The element of type T nearest to x. */
template <class T> __device__ __forceinline__ T rounded(float x) {
    T y;
    round_to(x, y);
    return y;
}

// ---- W neighbours, moved by one instruction ----

template <class T, int W> struct alignas(sizeof(T) * W) Pack {
    T at[W];
};

/** W elements at p, which is a multiple of their bytes (16 at most). */
template <int W, class T> __device__ __forceinline__ Pack<T, W> load(const T* p) { return *reinterpret_cast<const Pack<T, W>*>(p); }

template <int W, class T> __device__ __forceinline__ void store(T* p, const Pack<T, W>& pack) { *reinterpret_cast<Pack<T, W>*>(p) = pack; }

// ---- sums and maxima over threads: the same bits at every call ----

constexpr unsigned ALL_LANES = 0xffffffffu;
constexpr float NEGATIVE_INFINITY = -__builtin_huge_valf();

/** Sum over each aligned group of LANES neighbouring lanes of a warp, in all of them. */
template <int LANES = 32, class A> __device__ __forceinline__ A warp_sum(A x) {
#pragma unroll
    for (int distance = LANES / 2; distance > 0; distance /= 2) x += __shfl_xor_sync(ALL_LANES, x, distance);
    return x;
}

template <int LANES = 32> __device__ __forceinline__ float warp_max(float x) {
#pragma unroll
    for (int distance = LANES / 2; distance > 0; distance /= 2) x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, distance));
    return x;
}

/** Sum over the block's threads, in all of them. The block has whole warps; every thread calls. */
template <class A> __device__ __forceinline__ A block_sum(A x) {
    __shared__ A sums[32];
    x = warp_sum(x);
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32, warps = blockDim.x / 32;
    __syncthreads();  // a sum before this one may still be read
    if (lane == 0) sums[warp] = x;
    __syncthreads();
    return warp_sum(lane < warps ? sums[lane] : A(0));
}
