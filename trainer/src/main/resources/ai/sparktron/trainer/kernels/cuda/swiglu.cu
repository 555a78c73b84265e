// SwiGLU (arXiv 2002.05202) of rows [gate | up], F columns each.

using T = TYPE;
constexpr int W = LANES;    // divides F

FORCE float sigmoid(float x) { return __fdividef(1.0f, 1.0f + expf(-x)); }

/** x * sigmoid(x); 0 where the exponential is infinite. */
FORCE float silu(float x) { return __fdividef(x, 1.0f + expf(-x)); }

extern "C" __global__ void swiGlu(const T* gateUp, i64 stride, T* out, i64 outStride, i64 rows, i64 width) {
    eachPack<W>(rows, width, [&](i64 row, i64 column, auto lanes) {
        constexpr int L = decltype(lanes)::count;
        const T* from = gateUp + row * stride + column;
        Pack<T, L> gate = load<L>(from), up = load<L>(from + width);
#pragma unroll
        for (int i = 0; i < L; i++) up.at[i] = rounded<T>(silu(real(gate.at[i])) * real(up.at[i]));
        store(out + row * outStride + column, up);
    });
}

/** Slopes of gate and up, in their place, from the slope of the product. */
FORCE void slopes(float slope, T& gate, T& up) {
    float g = real(gate), u = real(up), s = sigmoid(g);
    gate = rounded<T>(slope * u * s * (1 + g * (1 - s)));
    up = rounded<T>(slope * g * s);
}

extern "C" __global__ void swiGluGrad(const T* dOut, i64 dOutStride, const T* gateUp, i64 stride, T* dGateUp, i64 dStride, i64 rows,
                                      i64 width) {
    eachPack<W>(rows, width, [&](i64 row, i64 column, auto lanes) {
        constexpr int L = decltype(lanes)::count;
        const T* from = gateUp + row * stride + column;
        T* to = dGateUp + row * dStride + column;
        Pack<T, L> slope = load<L>(dOut + row * dOutStride + column), gate = load<L>(from), up = load<L>(from + width);
#pragma unroll
        for (int i = 0; i < L; i++) slopes(real(slope.at[i]), gate.at[i], up.at[i]);
        store(to, gate);
        store(to + width, up);
    });
}

/** The slope of the product becomes the product, gate and up become their slopes. */
extern "C" __global__ void swiGluBackward(T* dOut, i64 dOutStride, T* gateUp, i64 stride, i64 rows, i64 width) {
    eachPack<W>(rows, width, [&](i64 row, i64 column, auto lanes) {
        constexpr int L = decltype(lanes)::count;
        T* both = gateUp + row * stride + column;
        T* out = dOut + row * dOutStride + column;
        Pack<T, L> slope = load<L>(out), gate = load<L>(both), up = load<L>(both + width);
#pragma unroll
        for (int i = 0; i < L; i++) {
            float s = real(slope.at[i]);
            slope.at[i] = rounded<T>(silu(real(gate.at[i])) * real(up.at[i]));
            slopes(s, gate.at[i], up.at[i]);
        }
        store(out, slope);
        store(both, gate);
        store(both + width, up);
    });
}

/** With a factor a row. */
extern "C" __global__ void swiGluScaled(const T* gateUp, i64 stride, const float* factors, T* out, i64 outStride, i64 rows, i64 width) {
    eachPack<W>(rows, width, [&](i64 row, i64 column, auto lanes) {
        constexpr int L = decltype(lanes)::count;
        const T* from = gateUp + row * stride + column;
        float factor = factors[row];
        Pack<T, L> gate = load<L>(from), up = load<L>(from + width);
#pragma unroll
        for (int i = 0; i < L; i++) up.at[i] = rounded<T>(factor * silu(real(gate.at[i])) * real(up.at[i]));
        store(out + row * outStride + column, up);
    });
}

/** As swiGluBackward; a block a row, which also sums the slope of the row's factor. */
extern "C" __global__ void __launch_bounds__(256) swiGluScaledBackward(T* dOut, i64 dOutStride, T* gateUp, i64 stride, const float* factors, float* dFactors,
                                                                       i64 width) {
    i64 row = blockIdx.x;
    float factor = factors[row], sum = 0;
    for (i64 column = threadIdx.x * W; column < width; column += blockDim.x * W) {
        T* both = gateUp + row * stride + column;
        T* out = dOut + row * dOutStride + column;
        Pack<T, W> slope = load<W>(out), gate = load<W>(both), up = load<W>(both + width);
#pragma unroll
        for (int i = 0; i < W; i++) {
            float s = real(slope.at[i]), product = silu(real(gate.at[i])) * real(up.at[i]);
            sum += s * product;
            slope.at[i] = rounded<T>(factor * product);
            slopes(factor * s, gate.at[i], up.at[i]);
        }
        store(out, slope);
        store(both, gate);
        store(both + width, up);
    }
    sum = blockSum(sum);
    if (threadIdx.x == 0) dFactors[row] = sum;
}
