// Largest magnitudes of matrices, for scales of eight bits, and those of past steps.

using T = TYPE;
constexpr int W = LANES;

/** largest[0] is raised to the largest magnitude; infinite where an element is not finite. */
extern "C" __global__ void __launch_bounds__(256) largest(const T* x, i64 stride, float* largest, i64 rows, i64 columns) {
    __shared__ float tops[8];
    float top = 0;
    eachPack<W>(rows, columns, [&](i64 row, i64 column, auto lanes) {
        constexpr int L = decltype(lanes)::count;
        Pack<T, L> pack = load<L>(x + row * stride + column);
#pragma unroll
        for (int i = 0; i < L; i++) {
            float m = fabsf(real(pack.at[i]));
            top = m < INFINITE ? fmaxf(top, m) : INFINITE;
        }
    });
    top = warpMax(top);
    if (threadIdx.x % 32 == 0) tops[threadIdx.x / 32] = top;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (int w = 1; w < 8; w++) top = fmaxf(top, tops[w]);
        // Floats that are not negative are ordered as their bits are.
        atomicMax(reinterpret_cast<int*>(largest), __float_as_int(top));
    }
}

/** See Fp8Kernels.remember: a thread for each of the matrices. */
extern "C" __global__ void remember(float* seen, float* history, i64 matrices, i64 steps, i64 place, int latest, float* largest) {
    i64 i = (i64) blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= matrices) return;
    float expected = seen[i] < INFINITE ? seen[i] : 0;
    history[place * matrices + i] = expected;
    seen[i] = 0;
    for (i64 step = 0; !latest && step < steps; step++) expected = fmaxf(expected, history[step * matrices + i]);
    if (expected > 0) largest[i] = expected;
}
