// Updates of flat ranges of parameters. Arithmetic in float32; each state has a type of its own, whose numbers are scaled by blocks where it is narrow (BlockScaled).

struct f8 {
    unsigned char bits;     // E4M3
};

constexpr int BLOCK = 128;          // elements of a scale
constexpr int E = 8;                // elements of a thread
constexpr int THREADS = BLOCK / E;  // that have a block
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

// ---- whole packs ----

template <class T> FORCE void widen(const T* from, float (&x)[E]) {
    Pack<T, E> pack = load<E>(from);
#pragma unroll
    for (int i = 0; i < E; i++) x[i] = real(pack.at[i]);
}

template <class T> FORCE void narrow(T* to, const float (&x)[E]) {
    Pack<T, E> pack;
#pragma unroll
    for (int i = 0; i < E; i++) pack.at[i] = rounded<T>(x[i]);
    store(to, pack);
}

#if __CUDA_ARCH__ >= 890
// Two neighbours by an instruction, to the same bits but those of what is not a number: rounding in many instructions takes longer than moving the states.

FORCE void widen(const f8* from, float (&x)[E]) {
    Pack<unsigned short, E / 2> pairs = load<E / 2>((const unsigned short*) from);
#pragma unroll
    for (int i = 0; i < E; i += 2) {
        unsigned halves;
        asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(halves) : "h"(pairs.at[i / 2]));
        x[i] = real(f16 {(unsigned short) halves});
        x[i + 1] = real(f16 {(unsigned short) (halves >> 16)});
    }
}

FORCE void narrow(f8* to, const float (&x)[E]) {
    Pack<unsigned short, E / 2> pairs;
#pragma unroll
    for (int i = 0; i < E; i += 2) asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(pairs.at[i / 2]) : "f"(x[i + 1]), "f"(x[i]));
    store((unsigned short*) to, pairs);
}
#endif

// ---- a thread's elements of a range: those from `at` on, as many as there are ----

template <class T> FORCE void fetch(const T* from, i64 at, i64 n, float (&x)[E]) {
    if (W == E && at + E <= n) {
        widen(from + at, x);
    } else {
#pragma unroll
        for (int i = 0; i < E; i++) x[i] = at + i < n ? real(from[at + i]) : 0;
    }
}

/** Rounds to the type. */
template <class T> FORCE void keep(T* to, i64 at, i64 n, const float (&x)[E]) {
    if (W == E && at + E <= n) {
        narrow(to + at, x);
    } else {
#pragma unroll
        for (int i = 0; i < E; i++) if (at + i < n) to[at + i] = rounded<T>(x[i]);
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

// ---- roots, quotients and maxima by single instructions, the first two to one or two units in the last place: with states of 8 bits, exact ones or a few comparisons
// more take longer than moving the states ----

FORCE float root(float x) {
    float y;
    asm("sqrt.approx.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

/** 1 / x, 0 above 2^126. */
FORCE float inverseOf(float x) {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

/** What is not a number stays it. */
FORCE float largerOf(float x, float y) {
    float z;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(z) : "f"(x), "f"(y));
    return z;
}

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

/** All lanes of the warp call, each for its part of a block. */
template <bool ROOTS, class T> FORCE void keepState(T* to, float* scales, i64 at, i64 n, const float (&numbers)[E]) {
    if constexpr (Scaled<T>::value) {
        float x[E], largest = 0;
#pragma unroll
        for (int i = 0; i < E; i++) {
            x[i] = ROOTS ? root(numbers[i]) : numbers[i];
            if (at + i < n) largest = largerOf(largest, fabsf(x[i]));
        }
#pragma unroll
        for (int distance = THREADS / 2; distance > 0; distance /= 2) largest = largerOf(largest, __shfl_xor_sync(ALL, largest, distance));
        float scale = scaleOf<T>(largest), inverse = inversePower(scale);
#pragma unroll
        for (int i = 0; i < E; i++) {
            // A root that is rounded down to zero would blow up the update of its parameter.
            if (ROOTS && x[i] > 0) x[i] = fmaxf(x[i], 0x1p-9f * scale);
            x[i] *= inverse;
        }
        if (at % BLOCK == 0 && at < n) scales[at / BLOCK] = scale;
        keep(to, at, n, x);
    } else {
        keep(to, at, n, numbers);
    }
}

// ---- main weights and the values rounded from them (AdamWTensors has the forms) ----

/** bfloat16 with ties away from zero, so that value and low half tell the float32. */
template <class C> FORCE C roundedMain(float w) { return rounded<C>(w); }
template <> FORCE bf16 roundedMain<bf16>(float w) {
    unsigned bits = w == w ? __float_as_uint(w) : 0x7fc00000u;
    return {(unsigned short) ((bits + 0x8000u) >> 16)};
}

struct Low {
    unsigned short bits;    // of a float32 whose upper half the value is, but for rounding
};

FORCE float join(bf16 value, Low low) { return __uint_as_float(((unsigned) value.bits << 16 | low.bits) - ((low.bits & 0x8000u) << 1)); }

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

// ---- BF16 values that are the only weights, rounded by chance (StochasticRounding has the rule) ----

/** What rounding needs: numbers of elements, which a thread asks for in rising order, seed and number of the update. */
struct Chance {
    const i64* stretches;   // first element in the flat buffer and its number, of each
    int count;              // of stretches
    i64 range;              // element of the flat buffer that element 0 is
    u64 seed, update;
    int present = 0;        // stretch of the last element; all else is read again, since registers are scarce

    FORCE u64 number(i64 at) {
        i64 flat = range + at;
        if (present + 1 < count && stretches[2 * present + 2] <= flat) {
            present++;
            for (int end = count; end - present > 1;) {
                int middle = (present + end) / 2;
                if (stretches[2 * middle] <= flat) present = middle;
                else end = middle;
            }
        }
        return (u64) (stretches[2 * present + 1] + flat - stretches[2 * present]);
    }

    FORCE Words words(u64 number) const { return philox(seed, number / E, update); }
};

FORCE unsigned halfOf(const Words& words, int lane) { return word(words, lane / 2) >> lane % 2 * 16 & 0xffff; }

FORCE bf16 roundedByChance(float w, unsigned bits) {
    unsigned exact = __float_as_uint(w), sum = exact + bits;
    if ((sum & 0x7f800000u) == 0x7f800000u) sum = exact;
    if (w != w) sum = 0x7fc00000u;
    return {(unsigned short) (sum >> 16)};
}

/** Main weights and the values rounded from them. */
template <class V, class M> FORCE void keepWeights(V* value, M* main, float* scales, i64 at, i64 n, const float (&w)[E], Chance&) {
    keepMain(main, scales, at, n, w);
    keepValue(value, at, n, w);
}

/** Values without main weights. Where elements move as packs, these have a block of words each. */
FORCE void keepWeights(bf16* value, void*, float*, i64 at, i64 n, const float (&w)[E], Chance& chance) {
    Pack<bf16, E> values;
    if constexpr (W == E) {
        Words words = chance.words(chance.number(at));
#pragma unroll
        for (int i = 0; i < E; i++) values.at[i] = roundedByChance(w[i], halfOf(words, i));
    } else {
#pragma unroll
        for (int i = 0; i < E; i++) {
            u64 number = chance.number(at + i);
            values.at[i] = roundedByChance(w[i], halfOf(chance.words(number), (int) (number % E)));
        }
    }
    keep(value, at, n, values);
}

/** A number of elements so large that none of a thread's is asked for: comparisons with it are none. */
constexpr i64 ENDLESS = 0x7fffffffffffffffll;

/**
 * Calls f(first element of the thread, n) for all blocks; the threads of a warp go together, the last ones past the end where it has blocks to spare. A warp whose
 * elements are all there gets ENDLESS for n.
 */
template <class F> FORCE void eachBlock(i64 n, F f) {
    i64 warp = ((i64) blockIdx.x * blockDim.x + threadIdx.x) / 32, warps = (i64) gridDim.x * blockDim.x / 32;
    i64 first = warp * 32 * E, step = warps * 32 * E;
    int lane = threadIdx.x % 32 * E;
    for (; first + 32 * E <= n; first += step) f(first + lane, ENDLESS);
    if (first < n) f(first + lane, n);
}

constexpr int BLOCK_THREADS = 256;  // Grid.THREADS
constexpr int BLOCKS_TOGETHER = 4;  // on a multiprocessor: a form that takes more than 64 registers would have 3 there, too few to cover the memory's delay

/**
 * AdamW (arXiv 1711.05101). decay = 1 - rate * weight decay, step = rate / (1 - beta1^t), correction = 1 / (1 - beta2^t), both of the update's number t; the
 * gradient is multiplied by factor[0], which norm and clipping made on the device: one that is not finite changes nothing. Scales are null for types without. What
 * follows `correction` is for values that are rounded by chance: `stretches` of the flat buffer, and the range's first element there, of which packs need a multiple of 8.
 */
extern "C" __global__ void __launch_bounds__(BLOCK_THREADS, BLOCKS_TOGETHER)
adamW(VALUE* value, MAIN* main, float* mainScales, const GRADIENT* gradient, const float* factor, FIRST* first, float* firstScales,
      SECOND* second, float* secondScales, float beta1, float beta2, float epsilon, float decay, float step, float correction,
      const i64* stretches, int stretchCount, i64 range, u64 seed, u64 update, i64 size) {
    Chance chance {stretches, stretchCount, range, seed, update};
    constexpr bool ROOTS = sizeof(SECOND) == 1;
    float scale = factor[0], rootCorrection = sqrtf(correction);
    if (!(fabsf(scale) < INFINITE)) return;
    eachBlock(size, [&](i64 at, i64 n) {
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
            w[i] = w[i] * decay - step * m[i] * inverseOf(root(v[i]) * rootCorrection + epsilon);
        }
        keepState<false>(first, firstScales, at, n, m);
        keepState<ROOTS>(second, secondScales, at, n, v);
        keepWeights(value, main, mainScales, at, n, w, chance);
    });
}

/**
 * moment = momentum * moment + scaled gradient + weightDecay * main weight; main weight -= rate * moment. Nothing where the factor is not finite. A main weight is
 * float32: main where value is rounded from it, else value itself.
 */
extern "C" __global__ void sgd(VALUE* value, MAIN* main, const GRADIENT* gradient, const float* factor, FIRST* moment, float rate, float momentum,
                               float weightDecay, i64 size) {
    float scale = factor[0];
    if (!(fabsf(scale) < INFINITE)) return;
    eachBlock(size, [&](i64 at, i64 n) {
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
