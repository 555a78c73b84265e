// Normalisation and clipping of the gradient from its sum of squares; one thread. A sum that is not finite gives a factor that is not.
#define GRADIENT_FACTOR(T, name) \
extern "C" __global__ void gradientFactor_##name(const T* squares, double denominator, double clip, float* factor, float* norm) { \
    if (threadIdx.x > 0) return; \
    double mean = denominator == 0 ? 0 : 1 / denominator; \
    double length = sqrt((double) *squares) * mean; \
    double clipping = clip > 0 && clip < length + 1e-6 ? clip / (length + 1e-6) : 1; \
    *norm = (float) length; \
    *factor = length - length == 0 ? (float) (mean * clipping) : __int_as_float(0x7fc00000); \
}
GRADIENT_FACTOR(float, f32)
GRADIENT_FACTOR(double, f64)

// Values of 16 bits are rounded from float32 to the nearest; bfloat16 with ties away from zero, so that value and low half tell the float32 (AdamWTensors).
template <class T> FORCE T roundedMain(float w) { return rounded<T>(w); }
template <> FORCE bf16 roundedMain<bf16>(float w) { bf16 y; y.bits = (u16) ((__float_as_uint(w) + 0x8000u) >> 16); return y; }

// One step over a flat range, every state read and written once. The gradient's factor lies on the device; a factor that is not finite changes nothing.
#define OPTIMIZER(C, name) OPTIMIZER_OF(C, name##_v, 4) OPTIMIZER_OF(C, name##_s, 1)
#define OPTIMIZER_OF(C, name, V) \
extern "C" __global__ void adamW_##name(float* value, const float* gradient, const float* gradientScale, float* firstMoment, float* secondMoment, C* copy, \
        i64 elements, float rate, float beta1, float beta2, float epsilon, float kept, float correction1, float correction2) { \
    float factor = *gradientScale; \
    if (!(fabsf(factor) < INFINITE)) return; \
    for (i64 e = ((i64) blockIdx.x * blockDim.x + threadIdx.x) * V; e < elements; e += (i64) gridDim.x * blockDim.x * V) { \
        Vec<float, V> w = load<float, V>(value + e), g = load<float, V>(gradient + e), m = load<float, V>(firstMoment + e), v = load<float, V>(secondMoment + e); \
        Vec<C, V> c; \
        for (int i = 0; i < V; i++) { \
            float slope = g.v[i] * factor; \
            m.v[i] = beta1 * m.v[i] + (1 - beta1) * slope; \
            v.v[i] = beta2 * v.v[i] + (1 - beta2) * slope * slope; \
            w.v[i] = w.v[i] * kept - rate * (m.v[i] * correction1) / (sqrtf(v.v[i] * correction2) + epsilon); \
            c.v[i] = roundedMain<C>(w.v[i]); \
        } \
        store<float, V>(value + e, w); \
        store<float, V>(firstMoment + e, m); \
        store<float, V>(secondMoment + e, v); \
        if (copy) store<C, V>(copy + e, c); \
    } \
} \
extern "C" __global__ void sgd_##name(float* value, const float* gradient, const float* gradientScale, float* moment, C* copy, i64 elements, float rate, \
        float momentum, float decay) { \
    float factor = *gradientScale; \
    if (!(fabsf(factor) < INFINITE)) return; \
    for (i64 e = ((i64) blockIdx.x * blockDim.x + threadIdx.x) * V; e < elements; e += (i64) gridDim.x * blockDim.x * V) { \
        Vec<float, V> w = load<float, V>(value + e), g = load<float, V>(gradient + e), m = load<float, V>(moment + e); \
        Vec<C, V> c; \
        for (int i = 0; i < V; i++) { \
            m.v[i] = momentum * m.v[i] + (g.v[i] * factor + decay * w.v[i]); \
            w.v[i] = w.v[i] - rate * m.v[i]; \
            c.v[i] = roundedMain<C>(w.v[i]); \
        } \
        store<float, V>(value + e, w); \
        store<float, V>(moment + e, m); \
        if (copy) store<C, V>(copy + e, c); \
    } \
}
OPTIMIZER(float, f32)
OPTIMIZER(bf16, bf16)
OPTIMIZER(f16, f16)
