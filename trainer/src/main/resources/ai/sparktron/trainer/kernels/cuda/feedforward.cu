// SwiGLU: silu(gate) * up with [gate | up] side by side.
FORCE float sigmoid(float x) { return 1.0f / (1.0f + __expf(-x)); }

#define SWIGLU(T, name, N) SWIGLU_OF(T, name##_v, N) SWIGLU_OF(T, name##_s, 1)
#define SWIGLU_OF(T, name, V) \
extern "C" __global__ void swiGlu_##name(const T* gateUp, i64 sg, T* out, i64 so, i64 rows, i64 columns) { \
    EACH(r, c, rows, columns, V) { \
        Vec<T, V> g = load<T, V>(gateUp + r * sg + c), u = load<T, V>(gateUp + r * sg + columns + c); \
        for (int i = 0; i < V; i++) { \
            float gate = real(g.v[i]); \
            g.v[i] = rounded<T>(gate * sigmoid(gate) * real(u.v[i])); \
        } \
        store<T, V>(out + r * so + c, g); \
    } \
} \
extern "C" __global__ void swiGluGrad_##name(const T* dOut, i64 sd, const T* gateUp, i64 sg, T* dGateUp, i64 so, i64 rows, i64 columns) { \
    EACH(r, c, rows, columns, V) { \
        Vec<T, V> d = load<T, V>(dOut + r * sd + c), g = load<T, V>(gateUp + r * sg + c), u = load<T, V>(gateUp + r * sg + columns + c); \
        for (int i = 0; i < V; i++) { \
            float gate = real(g.v[i]), up = real(u.v[i]), y = real(d.v[i]), s = sigmoid(gate); \
            g.v[i] = rounded<T>(y * up * s * (1 + gate * (1 - s))); \
            u.v[i] = rounded<T>(y * gate * s); \
        } \
        store<T, V>(dGateUp + r * so + c, g); \
        store<T, V>(dGateUp + r * so + columns + c, u); \
    } \
}
ACTIVATIONS(SWIGLU)
