// Updates of flat ranges of parameters. Arithmetic in float32; each of value, gradient, moments and copy has a type of its own.

constexpr int W = LANES;

/** A value of 16 bits from its main weight: bfloat16 with ties away from zero, so that value and low half tell the float32 (AdamWTensors). */
template <class C> FORCE C roundedMain(float w) { return rounded<C>(w); }
template <> FORCE bf16 roundedMain<bf16>(float w) {
    if (w != w) return rounded<bf16>(w);
    return {(unsigned short) ((__float_as_uint(w) + 0x8000u) >> 16)};
}

/**
 * AdamW (arXiv 1711.05101). decay = 1 - rate * weight decay, step = rate / (1 - beta1^t), correction = 1 / (1 - beta2^t), both of the update's number t; the
 * gradient is multiplied by factor[0], which norm and clipping made on the device: one that is not finite changes nothing. copy may be null.
 */
extern "C" __global__ void adamW(VALUE* value, const GRADIENT* gradient, const float* factor, FIRST* first, SECOND* second, COPY* copy, float beta1,
                                 float beta2, float epsilon, float decay, float step, float correction, i64 n) {
    float scale = factor[0];
    if (!(fabsf(scale) < INFINITE)) return;
    eachPack<W>(1, n, [&](i64, i64 at, auto lanes) {
        constexpr int L = decltype(lanes)::count;
        Pack<VALUE, L> values = load<L>(value + at);
        Pack<GRADIENT, L> gradients = load<L>(gradient + at);
        Pack<FIRST, L> firsts = load<L>(first + at);
        Pack<SECOND, L> seconds = load<L>(second + at);
        Pack<COPY, L> copies;
#pragma unroll
        for (int i = 0; i < L; i++) {
            float g = real(gradients.at[i]) * scale;
            float m = beta1 * real(firsts.at[i]) + (1 - beta1) * g;
            float v = beta2 * real(seconds.at[i]) + (1 - beta2) * g * g;
            float w = real(values.at[i]) * decay - step * m / (sqrtf(v * correction) + epsilon);
            firsts.at[i] = rounded<FIRST>(m);
            seconds.at[i] = rounded<SECOND>(v);
            values.at[i] = rounded<VALUE>(w);
            copies.at[i] = roundedMain<COPY>(real(values.at[i]));
        }
        store(first + at, firsts);
        store(second + at, seconds);
        store(value + at, values);
        if (copy) store(copy + at, copies);
    });
}

/** moment = momentum * moment + scaled gradient + weightDecay * value; value -= rate * moment. Nothing where the scale is not finite. */
extern "C" __global__ void sgd(VALUE* value, const GRADIENT* gradient, const float* factor, FIRST* moment, COPY* copy, float rate, float momentum,
                               float weightDecay, i64 n) {
    float scale = factor[0];
    if (!(fabsf(scale) < INFINITE)) return;
    eachPack<W>(1, n, [&](i64, i64 at, auto lanes) {
        constexpr int L = decltype(lanes)::count;
        Pack<VALUE, L> values = load<L>(value + at);
        Pack<GRADIENT, L> gradients = load<L>(gradient + at);
        Pack<FIRST, L> moments = load<L>(moment + at);
        Pack<COPY, L> copies;
#pragma unroll
        for (int i = 0; i < L; i++) {
            float m = momentum * real(moments.at[i]) + (real(gradients.at[i]) * scale + weightDecay * real(values.at[i]));
            moments.at[i] = rounded<FIRST>(m);
            values.at[i] = rounded<VALUE>(real(values.at[i]) - rate * m);
            copies.at[i] = roundedMain<COPY>(real(values.at[i]));
        }
        store(moment + at, moments);
        store(value + at, values);
        if (copy) store(copy + at, copies);
    });
}
