// Attention to two sets of keys becomes attention to both: a warp a token and head.

using T = TYPE;             // of the part that is joined
using U = RESULT;           // of what it is joined to

extern "C" __global__ void __launch_bounds__(256) merge(const T* part, i64 sp, const float* partLogSumExp, i64 spl, U* out, i64 so, float* logSumExp, i64 sl,
        int tokens, int heads, int Kv) {
    i64 n = ((i64) blockIdx.x * 256 + threadIdx.x) / 32;
    if (n >= (i64) tokens * heads) return;
    i64 t = n / heads, h = n % heads;
    float mine = logSumExp[t * sl + h], other = partLogSumExp[t * spl + h], largest = fmaxf(mine, other);
    if (largest == -INFINITE) return;
    float all = largest + logf(expf(mine - largest) + expf(other - largest)), a = expf(mine - all), b = expf(other - all);
    for (int c = threadIdx.x % 32; c < Kv; c += 32) {
        U* to = out + t * so + h * Kv + c;
        *to = rounded<U>(real(*to) * a + real(part[t * sp + h * Kv + c]) * b);
    }
    __syncwarp();
    if (threadIdx.x % 32 == 0) logSumExp[t * sl + h] = all;
}
