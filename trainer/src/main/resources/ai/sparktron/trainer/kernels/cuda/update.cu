// Updates of flat ranges of parameters. Arithmetic in float32; each state has a type of its own, whose numbers are scaled by blocks where it is narrow (BlockScaled).

struct f8 {
    unsigned char bits;     // E4M3
};

constexpr int BLOCK = 128;  // elements of a scale, which a warp has
constexpr int E = 4;        // elements of a thread
constexpr int W = LANES;    // E where every range begins at a multiple of it, else 1

// ---- E4M3: 4 bits of exponent, 3 of fraction, up to 448; what is larger becomes that ----

FORCE float real(f8 x) {
    int magnitude = x.bits & 0x7f;
    float value = magnitude < 8 ? magnitude * 0x1p-9f : __int_as_float((magnitude + (120 << 3)) << 20);
    value = magnitude == 0x7f ? __int_as_float(0x7fc00000) : value;
    return x.bits & 0x80 ? -value : value;
}

FORCE void roundTo(float x, f8& y) {
    unsigned magnitude = __float_as_uint(x) & 0x7fffffffu;
    unsigned bits = (magnitude + 0x7ffffu + (magnitude >> 20 & 1) - (120u << 23)) >> 20;
    if (magnitude < 0x3c800000u) bits = (unsigned) __float2int_rn(fabsf(x) * 0x1p9f);  // below the smallest normal number
    if (fabsf(x) >= 448) bits = 0x7e;
    if (x != x) bits = 0x7f;
    y.bits = (unsigned char) (bits | (__float_as_uint(x) >> 24 & 0x80));
}

// ---- a thread's elements of a range: those from `at` on, as many as there are ----

template <class T> FORCE void fetch(const T* from, i64 at, i64 n, float (&x)[E]) {
    if (W == E && at + E <= n) {
        Pack<T, E> pack = load<E>(from + at);
#pragma unroll
        for (int i = 0; i < E; i++) x[i] = real(pack.at[i]);
    } else {
#pragma unroll
        for (int i = 0; i < E; i++) x[i] = at + i < n ? real(from[at + i]) : 0;
    }
}

template <class T> FORCE void keep(T* to, i64 at, i64 n, const Pack<T, E>& pack) {
    if (W == E && at + E <= n) {
        store(to + at, pack);
    } else {
#pragma unroll
        for (int i = 0; i < E; i++) if (at + i < n) to[at + i] = pack.at[i];
    }
}

// ---- roots and quotients to one or two units in the last place: with states of 8 bits the instructions of exact ones are as many as the memory leaves time for ----

FORCE float root(float x) { return x > 0 && x < INFINITE ? x * rsqrtf(x) : x; }

/** 1 / x for a power of two between 2^-126 and 2^126. */
FORCE float inversePower(float x) { return __int_as_float((254 << 23) - __float_as_int(x)); }

// ---- states ----

template <class T> struct Scaled { static constexpr bool value = false; };
template <> struct Scaled<f16> { static constexpr bool value = true; };
template <> struct Scaled<f8> { static constexpr bool value = true; };

/** Numbers of a state; scales are null where its type has none. ROOTS: what is kept are their roots. */
template <bool ROOTS, class T> FORCE void fetchState(const T* from, const float* scales, i64 at, i64 n, float (&x)[E]) {
    fetch(from, at, n, x);
    if constexpr (Scaled<T>::value) {
        float scale = at < n ? scales[at / BLOCK] : 1;
#pragma unroll
        for (int i = 0; i < E; i++) x[i] = ROOTS ? x[i] * scale * (x[i] * scale) : x[i] * scale;
    }
}

/** The power of two that brings the largest magnitude of a block to the upper end of the type; as BlockScaled.scale. */
template <class T> FORCE float scaleOf(float largest) {
    constexpr bool HALF = sizeof(T) == 2;
    if (largest == 0 || !(largest < INFINITE)) return 1;
    int exponent = (int) ((__float_as_uint(largest) + (1u << (HALF ? 12 : 19))) >> 23) - 127 - (HALF ? 14 : 7);
    return __int_as_float((max(-100, exponent) + 127) << 23);
}

/** All lanes of the warp call, each for its part of the block. */
template <bool ROOTS, class T> FORCE void keepState(T* to, float* scales, i64 at, i64 n, const float (&numbers)[E]) {
    Pack<T, E> pack;
    if constexpr (Scaled<T>::value) {
        float x[E], largest = 0;
#pragma unroll
        for (int i = 0; i < E; i++) {
            x[i] = ROOTS ? root(numbers[i]) : numbers[i];
            if (at + i < n) largest = fabsf(x[i]) < INFINITE ? fmaxf(largest, fabsf(x[i])) : INFINITE;
        }
        float scale = scaleOf<T>(warpMax(largest)), inverse = inversePower(scale);
#pragma unroll
        for (int i = 0; i < E; i++) {
            // A root that is rounded down to zero would blow up the update of its parameter.
            if (ROOTS && x[i] > 0) x[i] = fmaxf(x[i], 0x1p-9f * scale);
            pack.at[i] = rounded<T>(x[i] * inverse);
        }
        if (at % BLOCK == 0 && at < n) scales[at / BLOCK] = scale;
    } else {
#pragma unroll
        for (int i = 0; i < E; i++) pack.at[i] = rounded<T>(numbers[i]);
    }
    keep(to, at, n, pack);
}

// ---- main weights and the values rounded from them (AdamWTensors has the forms) ----

/** bfloat16 with ties away from zero, so that value and low half tell the float32. */
template <class C> FORCE C roundedMain(float w) { return rounded<C>(w); }
template <> FORCE bf16 roundedMain<bf16>(float w) {
    if (w != w) return rounded<bf16>(w);
    return {(unsigned short) ((__float_as_uint(w) + 0x8000u) >> 16)};
}

struct Low {
    unsigned short bits;    // of a float32 whose upper half the value is, but for rounding
};

FORCE float join(bf16 value, Low low) { return __uint_as_float((unsigned) (value.bits - (low.bits >> 15)) << 16 | low.bits); }

template <class V, class M> FORCE void fetchMain(const V* value, const M* main, const float* scales, i64 at, i64 n, float (&w)[E]) {
    fetchState<false>(main, scales, at, n, w);
}

/** The value is the main weight. */
template <class V> FORCE void fetchMain(const V* value, const void*, const float*, i64 at, i64 n, float (&w)[E]) { fetch(value, at, n, w); }

template <class V> FORCE void fetchMain(const V* value, const Low* main, const float*, i64 at, i64 n, float (&w)[E]) {
    if (W == E && at + E <= n) {
        Pack<V, E> values = load<E>(value + at);
        Pack<Low, E> lows = load<E>(main + at);
#pragma unroll
        for (int i = 0; i < E; i++) w[i] = join(values.at[i], lows.at[i]);
    } else {
#pragma unroll
        for (int i = 0; i < E; i++) w[i] = at + i < n ? join(value[at + i], main[at + i]) : 0;
    }
}

FORCE void keepMain(void*, float*, i64, i64, const float (&w)[E]) {}

template <class M> FORCE void keepMain(M* main, float* scales, i64 at, i64 n, const float (&w)[E]) { keepState<false>(main, scales, at, n, w); }

FORCE void keepMain(Low* main, float*, i64 at, i64 n, const float (&w)[E]) {
    Pack<Low, E> lows;
#pragma unroll
    for (int i = 0; i < E; i++) lows.at[i].bits = (unsigned short) __float_as_uint(w[i]);
    keep(main, at, n, lows);
}

template <class V> FORCE void keepValue(V* value, i64 at, i64 n, const float (&w)[E]) {
    Pack<V, E> values;
#pragma unroll
    for (int i = 0; i < E; i++) values.at[i] = roundedMain<V>(w[i]);
    keep(value, at, n, values);
}

/** Calls f(first element of the thread) for all blocks, a warp to a block: its threads go together. */
template <class F> FORCE void eachBlock(i64 n, F f) {
    i64 warp = ((i64) blockIdx.x * blockDim.x + threadIdx.x) / 32, warps = (i64) gridDim.x * blockDim.x / 32;
    for (i64 block = warp; block * BLOCK < n; block += warps) f(block * BLOCK + threadIdx.x % 32 * E);
}

/**
 * AdamW (arXiv 1711.05101). decay = 1 - rate * weight decay, step = rate / (1 - beta1^t), correction = 1 / (1 - beta2^t), both of the update's number t; the
 * gradient is multiplied by factor[0], which norm and clipping made on the device: one that is not finite changes nothing. Scales are null for types without.
 */
extern "C" __global__ void adamW(VALUE* value, MAIN* main, float* mainScales, const GRADIENT* gradient, const float* factor, FIRST* first, float* firstScales,
                                 SECOND* second, float* secondScales, float beta1, float beta2, float epsilon, float decay, float step, float correction, i64 n) {
    constexpr bool ROOTS = sizeof(SECOND) == 1;
    float scale = factor[0], rootCorrection = sqrtf(correction);
    if (!(fabsf(scale) < INFINITE)) return;
    eachBlock(n, [&](i64 at) {
        float w[E], g[E], m[E], v[E];
        fetchMain(value, main, mainScales, at, n, w);
        fetch(gradient, at, n, g);
        fetchState<false>(first, firstScales, at, n, m);
        fetchState<ROOTS>(second, secondScales, at, n, v);
#pragma unroll
        for (int i = 0; i < E; i++) {
            g[i] *= scale;
            m[i] = beta1 * m[i] + (1 - beta1) * g[i];
            v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
            w[i] = w[i] * decay - __fdividef(step * m[i], root(v[i]) * rootCorrection + epsilon);
        }
        keepState<false>(first, firstScales, at, n, m);
        keepState<ROOTS>(second, secondScales, at, n, v);
        keepMain(main, mainScales, at, n, w);
        keepValue(value, at, n, w);
    });
}

/**
 * moment = momentum * moment + scaled gradient + weightDecay * main weight; main weight -= rate * moment. Nothing where the factor is not finite. A main weight is
 * float32: main where value is rounded from it, else value itself.
 */
extern "C" __global__ void sgd(VALUE* value, MAIN* main, const GRADIENT* gradient, const float* factor, FIRST* moment, float rate, float momentum,
                               float weightDecay, i64 n) {
    float scale = factor[0];
    if (!(fabsf(scale) < INFINITE)) return;
    eachBlock(n, [&](i64 at) {
        float w[E], g[E], m[E];
        fetchMain(value, main, nullptr, at, n, w);
        fetch(gradient, at, n, g);
        fetch(moment, at, n, m);
#pragma unroll
        for (int i = 0; i < E; i++) {
            m[i] = momentum * m[i] + (g[i] * scale + weightDecay * w[i]);
            w[i] -= rate * m[i];
        }
        keepState<false>(moment, nullptr, at, n, m);
        keepMain(main, nullptr, at, n, w);
        keepValue(value, at, n, w);
    });
}
