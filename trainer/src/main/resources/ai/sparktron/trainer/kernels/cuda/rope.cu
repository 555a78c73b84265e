// Rotation of pairs in the first R columns of every head; sign is -1 for the gradient. A thread turns V pairs whose first elements lie together.
#define ROPE(T, name, N) ROPE_OF(T, name##_v, N) ROPE_OF(T, name##_s, 1) ROPE_PAIRS(T, name)
#define ROPE_OF(T, name, V) \
extern "C" __global__ void ropeHalves_##name(T* x, i64 sx, const int* positions, const float* table, int half, int headSize, int heads, i64 tokens, float sign) { \
    int perHead = half / V; \
    i64 all = tokens * heads * perHead; \
    for (i64 n = (i64) blockIdx.x * blockDim.x + threadIdx.x; n < all; n += (i64) gridDim.x * blockDim.x) { \
        int i = (int) (n % perHead) * V; \
        i64 rest = n / perHead; \
        i64 t = rest / heads; \
        T* head = x + t * sx + (rest % heads) * headSize; \
        const float* row = table + (i64) positions[t] * 2 * half; \
        Vec<T, V> a = load<T, V>(head + i), b = load<T, V>(head + half + i); \
        for (int k = 0; k < V; k++) { \
            float cosine = row[i + k], sine = sign * row[half + i + k], first = real(a.v[k]), second = real(b.v[k]); \
            a.v[k] = rounded<T>(first * cosine - second * sine); \
            b.v[k] = rounded<T>(second * cosine + first * sine); \
        } \
        store<T, V>(head + i, a); \
        store<T, V>(head + half + i, b); \
    } \
}
#define ROPE_PAIRS(T, name) \
extern "C" __global__ void ropePairs_##name(T* x, i64 sx, const int* positions, const float* table, int half, int headSize, int heads, i64 tokens, float sign) { \
    i64 all = tokens * heads * half; \
    for (i64 n = (i64) blockIdx.x * blockDim.x + threadIdx.x; n < all; n += (i64) gridDim.x * blockDim.x) { \
        int i = (int) (n % half); \
        i64 rest = n / half; \
        i64 t = rest / heads; \
        T* pair = x + t * sx + (rest % heads) * headSize + 2 * i; \
        const float* row = table + (i64) positions[t] * 2 * half; \
        float cosine = row[i], sine = sign * row[half + i], first = real(pair[0]), second = real(pair[1]); \
        pair[0] = rounded<T>(first * cosine - second * sine); \
        pair[1] = rounded<T>(second * cosine + first * sine); \
    } \
}
ACTIVATIONS(ROPE)

// Keys [T, H*(N + R)] and values [T, H*Kv] of latent attention from up [T, H*(N + Kv)] and the rotary part [T, R] that heads share.
#define LATENT(T, name, N) \
extern "C" __global__ void latentHeads_##name(const T* up, i64 su, const T* rotary, i64 sr, T* k, i64 sk, T* v, i64 sv, int heads, int plain, int rotaryWidth, \
        int valueSize, i64 tokens) { \
    int keySize = plain + rotaryWidth, width = keySize + valueSize; \
    EACH(t, c, tokens, (i64) heads * width, 1) { \
        i64 h = c / width; \
        int i = (int) (c % width); \
        if (i < plain) k[t * sk + h * keySize + i] = up[t * su + h * (plain + valueSize) + i]; \
        else if (i < keySize) k[t * sk + h * keySize + i] = rotary[t * sr + i - plain]; \
        else v[t * sv + h * valueSize + i - keySize] = up[t * su + h * (plain + valueSize) + plain + i - keySize]; \
    } \
} \
extern "C" __global__ void latentHeadsGrad_##name(const T* dk, i64 sk, const T* dv, i64 sv, T* dUp, i64 su, T* dRotary, i64 sr, int heads, int plain, \
        int rotaryWidth, int valueSize, i64 tokens) { \
    int keySize = plain + rotaryWidth, width = plain + valueSize; \
    EACH(t, c, tokens, (i64) heads * width + rotaryWidth, 1) { \
        i64 h = c / width; \
        int i = (int) (c % width); \
        if (h >= heads) { \
            int j = (int) (c - (i64) heads * width); \
            float sum = 0; \
            for (int head = 0; head < heads; head++) sum += real(dk[t * sk + (i64) head * keySize + plain + j]); \
            dRotary[t * sr + j] = rounded<T>(sum); \
        } else if (i < plain) dUp[t * su + c] = dk[t * sk + h * keySize + i]; \
        else dUp[t * su + c] = dv[t * sv + h * valueSize + i - plain]; \
    } \
}
ACTIVATIONS(LATENT)
