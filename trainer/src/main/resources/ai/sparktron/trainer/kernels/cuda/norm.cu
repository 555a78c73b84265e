// RMSNorm of groups of K columns. A group belongs to a team: W lanes of a warp, or a whole block where K is large. A thread keeps P packs of V columns in
// registers, so a tensor is read once. The scalar version reads again instead.

FORCE float sumOfTeam(float x, int width, float* room) {
    return width > 32 ? blockSum(x, room) : teamSum(x, width);
}

// Columns of this thread in a group of K: pack p begins at (p * width + lane) * V.
#define TEAM \
    __shared__ float room[33]; \
    int teams = width > 32 ? 1 : blockDim.x / width, lane = threadIdx.x % width; \
    i64 first = (i64) blockIdx.x * teams + threadIdx.x / width;

#define NORM(T, name, N) NORM_OF(T, name##_1, N, 1) NORM_OF(T, name##_2, N, 2) NORM_OF(T, name##_4, N, 4) NORM_OF(T, name##_8, N, 8)
#define NORM_OF(T, name, V, P) \
extern "C" __global__ void norm_##name(T* x, i64 sx, const T* delta, i64 sd, const T* weight, float epsilon, T* out, i64 so, float* inverseRms, i64 groups, \
        int perRow, int K, int width) { \
    TEAM \
    i64 g = first < groups ? first : groups - 1; \
    i64 r = g / perRow, at = (g % perRow) * K; \
    Vec<T, V> a[P]; \
    float sum = 0; \
    for (int p = 0; p < P; p++) { \
        int c = (p * width + lane) * V; \
        if (c >= K) continue; \
        a[p] = load<T, V>(x + r * sx + at + c); \
        if (delta) { \
            Vec<T, V> b = load<T, V>(delta + r * sd + at + c); \
            for (int i = 0; i < V; i++) a[p].v[i] = rounded<T>(real(a[p].v[i]) + real(b.v[i])); \
            if (first < groups) store<T, V>(x + r * sx + at + c, a[p]); \
        } \
        for (int i = 0; i < V; i++) sum += real(a[p].v[i]) * real(a[p].v[i]); \
    } \
    sum = sumOfTeam(sum, width, room); \
    if (first >= groups) return; \
    float inverse = rsqrtf(sum / K + epsilon); \
    for (int p = 0; p < P; p++) { \
        int c = (p * width + lane) * V; \
        if (c >= K) continue; \
        Vec<T, V> w = load<T, V>(weight + c); \
        for (int i = 0; i < V; i++) a[p].v[i] = rounded<T>(real(rounded<T>(real(a[p].v[i]) * inverse)) * real(w.v[i])); \
        store<T, V>(out + r * so + at + c, a[p]); \
    } \
    if (inverseRms && lane == 0) inverseRms[g] = inverse; \
} \
extern "C" __global__ void normGrad_##name(const T* dy, i64 sdy, const T* x, i64 sx, const T* weight, const float* inverseRms, T* dx, i64 sdx, \
        int accumulate, float* partial, i64 groups, int perRow, int K, int width) { \
    extern __shared__ float sums[]; \
    TEAM \
    float dw[P][V]; \
    for (int p = 0; p < P; p++) for (int i = 0; i < V; i++) dw[p][i] = 0; \
    i64 stride = (i64) gridDim.x * teams; \
    for (i64 team = first; team - threadIdx.x / width < groups; team += stride) { \
        bool mine = team < groups; \
        i64 g = mine ? team : groups - 1; \
        i64 r = g / perRow, at = (g % perRow) * K; \
        float inverse = inverseRms[g]; \
        Vec<T, V> a[P], b[P]; \
        float dot = 0; \
        for (int p = 0; p < P; p++) { \
            int c = (p * width + lane) * V; \
            if (c >= K) continue; \
            a[p] = load<T, V>(dy + r * sdy + at + c); \
            b[p] = load<T, V>(x + r * sx + at + c); \
            Vec<T, V> w = load<T, V>(weight + c); \
            for (int i = 0; i < V; i++) { \
                float hat = real(b[p].v[i]) * inverse; \
                dot += real(a[p].v[i]) * real(w.v[i]) * hat; \
                if (mine) dw[p][i] += real(a[p].v[i]) * hat; \
            } \
        } \
        dot = sumOfTeam(dot, width, room) / K; \
        if (!mine) continue; \
        for (int p = 0; p < P; p++) { \
            int c = (p * width + lane) * V; \
            if (c >= K) continue; \
            Vec<T, V> w = load<T, V>(weight + c); \
            Vec<T, V> before; \
            if (accumulate) before = load<T, V>(dx + r * sdx + at + c); \
            for (int i = 0; i < V; i++) { \
                float y = inverse * (real(a[p].v[i]) * real(w.v[i]) - real(b[p].v[i]) * inverse * dot); \
                a[p].v[i] = rounded<T>(accumulate ? real(before.v[i]) + y : y); \
            } \
            store<T, V>(dx + r * sdx + at + c, a[p]); \
        } \
    } \
    if (!partial) return; \
    for (int p = 0; p < P; p++) { \
        int c = (p * width + lane) * V; \
        for (int i = 0; i < V; i++) if (c < K) sums[threadIdx.x / width * K + c + i] = dw[p][i]; \
    } \
    __syncthreads(); \
    for (int c = threadIdx.x; c < K; c += blockDim.x) { \
        float all = 0; \
        for (int t = 0; t < teams; t++) all += sums[t * K + c]; \
        partial[(i64) blockIdx.x * K + c] = all; \
    } \
}
ACTIVATIONS(NORM)

// Any K and any alignment: one block a group, three readings.
#define NORM_SCALAR(T, name, N) \
extern "C" __global__ void norm_##name##_s(T* x, i64 sx, const T* delta, i64 sd, const T* weight, float epsilon, T* out, i64 so, float* inverseRms, \
        i64 groups, int perRow, int K, int width) { \
    __shared__ float room[33]; \
    for (i64 g = blockIdx.x; g < groups; g += gridDim.x) { \
        i64 r = g / perRow, at = (g % perRow) * K; \
        float sum = 0; \
        for (int c = threadIdx.x; c < K; c += blockDim.x) { \
            float a = real(x[r * sx + at + c]); \
            if (delta) { \
                T both = rounded<T>(a + real(delta[r * sd + at + c])); \
                x[r * sx + at + c] = both; \
                a = real(both); \
            } \
            sum += a * a; \
        } \
        sum = blockSum(sum, room); \
        float inverse = rsqrtf(sum / K + epsilon); \
        for (int c = threadIdx.x; c < K; c += blockDim.x) \
            out[r * so + at + c] = rounded<T>(real(rounded<T>(real(x[r * sx + at + c]) * inverse)) * real(weight[c])); \
        if (inverseRms && threadIdx.x == 0) inverseRms[g] = inverse; \
    } \
} \
extern "C" __global__ void normGrad_##name##_s(const T* dy, i64 sdy, const T* x, i64 sx, const T* weight, const float* inverseRms, T* dx, i64 sdx, \
        int accumulate, float* partial, i64 groups, int perRow, int K, int width) { \
    __shared__ float room[33]; \
    if (partial) for (int c = threadIdx.x; c < K; c += blockDim.x) partial[(i64) blockIdx.x * K + c] = 0; \
    for (i64 g = blockIdx.x; g < groups; g += gridDim.x) { \
        i64 r = g / perRow, at = (g % perRow) * K; \
        float inverse = inverseRms[g], dot = 0; \
        for (int c = threadIdx.x; c < K; c += blockDim.x) dot += real(dy[r * sdy + at + c]) * real(weight[c]) * real(x[r * sx + at + c]) * inverse; \
        dot = blockSum(dot, room) / K; \
        for (int c = threadIdx.x; c < K; c += blockDim.x) { \
            float a = real(dy[r * sdy + at + c]), hat = real(x[r * sx + at + c]) * inverse; \
            float y = inverse * (a * real(weight[c]) - hat * dot); \
            if (partial) partial[(i64) blockIdx.x * K + c] += a * hat; \
            T* to = dx + r * sdx + at + c; \
            *to = rounded<T>(accumulate ? real(*to) + y : y); \
        } \
    } \
}
ACTIVATIONS(NORM_SCALAR)
