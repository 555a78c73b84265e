// Types and small pieces of all kernels. Compiled by NVRTC, so nothing is included.
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

#define FORCE __device__ __forceinline__
#define INFINITE __int_as_float(0x7f800000)

struct bf16 { u16 bits; };
struct f16 { u16 bits; };

FORCE float real(float x) { return x; }
FORCE float real(double x) { return (float) x; }
FORCE float real(bf16 x) { return __uint_as_float((u32) x.bits << 16); }
FORCE float real(f16 x) { float y; asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits)); return y; }

// Rounds to nearest even.
template <class T> FORCE T rounded(float x);
template <> FORCE float rounded<float>(float x) { return x; }
template <> FORCE double rounded<double>(float x) { return x; }
template <> FORCE bf16 rounded<bf16>(float x) { bf16 y; asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x)); return y; }
template <> FORCE f16 rounded<f16>(float x) { f16 y; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(x)); return y; }

// V elements that lie together, moved 16 bytes at a time where there are as many.
template <class T, int V> struct alignas(V * sizeof(T) > 16 ? 16 : V * sizeof(T)) Vec { T v[V]; };
template <int BYTES> struct Raw { typedef uint4 type; };
template <> struct Raw<8> { typedef uint2 type; };
template <> struct Raw<4> { typedef u32 type; };
template <> struct Raw<2> { typedef u16 type; };
template <> struct Raw<1> { typedef u8 type; };

template <class T, int V> FORCE Vec<T, V> load(const T* p) {
    typedef typename Raw<V * sizeof(T)>::type R;
    Vec<T, V> x;
#pragma unroll
    for (int i = 0; i < (int) (V * sizeof(T) / sizeof(R)); i++) ((R*) &x)[i] = ((const R*) p)[i];
    return x;
}

template <class T, int V> FORCE void store(T* p, Vec<T, V> x) {
    typedef typename Raw<V * sizeof(T)>::type R;
#pragma unroll
    for (int i = 0; i < (int) (V * sizeof(T) / sizeof(R)); i++) ((R*) p)[i] = ((R*) &x)[i];
}

// Lanes of a team of `width` (a power of two, at most 32) agree on the sum; the order of additions is fixed.
FORCE float teamSum(float x, int width) {
    for (int d = width / 2; d > 0; d /= 2) x += __shfl_xor_sync(0xffffffffu, x, d, 32);
    return x;
}

FORCE float teamMax(float x, int width) {
    for (int d = width / 2; d > 0; d /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, d, 32));
    return x;
}

// All threads of a block agree on the sum; `room` is shared memory of 33 floats. The block's size is a multiple of 32.
FORCE float blockSum(float x, float* room) {
    int warps = blockDim.x / 32;
    x = teamSum(x, 32);
    __syncthreads();
    if (threadIdx.x % 32 == 0) room[threadIdx.x / 32] = x;
    __syncthreads();
    float sum = 0;
    for (int w = 0; w < warps; w++) sum += room[w];
    return sum;
}

FORCE float blockMax(float x, float* room) {
    int warps = blockDim.x / 32;
    x = teamMax(x, 32);
    __syncthreads();
    if (threadIdx.x % 32 == 0) room[threadIdx.x / 32] = x;
    __syncthreads();
    float largest = room[0];
    for (int w = 1; w < warps; w++) largest = fmaxf(largest, room[w]);
    return largest;
}

// Rows over grid y, columns over grid x, V columns a thread.
#define EACH(r, c, rows, columns, V) \
    for (i64 r = blockIdx.y; r < (rows); r += gridDim.y) \
        for (i64 c = ((i64) blockIdx.x * blockDim.x + threadIdx.x) * (V); c < (columns); c += (i64) gridDim.x * blockDim.x * (V))

// Two versions of each kernel: `_v` moves 16 bytes a thread, `_s` one element.
#define ACTIVATIONS(M) M(float, f32, 4) M(bf16, bf16, 8) M(f16, f16, 8)
