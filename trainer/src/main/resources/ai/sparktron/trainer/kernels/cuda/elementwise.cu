// Element by element. Every tensor comes as its address and the elements from row to row.

#define KERNELS(T, name, N) \
    KERNELS_OF(T, name##_v, N) \
    KERNELS_OF(T, name##_s, 1)

#define KERNELS_OF(T, name, V) \
extern "C" __global__ void add_##name(const T* a, i64 sa, const T* b, i64 sb, T* out, i64 so, i64 rows, i64 columns) { \
    EACH(r, c, rows, columns, V) { \
        Vec<T, V> x = load<T, V>(a + r * sa + c), y = load<T, V>(b + r * sb + c); \
        for (int i = 0; i < V; i++) x.v[i] = rounded<T>(real(x.v[i]) + real(y.v[i])); \
        store<T, V>(out + r * so + c, x); \
    } \
} \
extern "C" __global__ void scale_##name(T* x, i64 sx, float factor, i64 rows, i64 columns) { \
    EACH(r, c, rows, columns, V) { \
        Vec<T, V> a = load<T, V>(x + r * sx + c); \
        for (int i = 0; i < V; i++) a.v[i] = rounded<T>(real(a.v[i]) * factor); \
        store<T, V>(x + r * sx + c, a); \
    } \
} \
extern "C" __global__ void addBias_##name(T* x, i64 sx, const T* bias, i64 rows, i64 columns) { \
    EACH(r, c, rows, columns, V) { \
        Vec<T, V> a = load<T, V>(x + r * sx + c), b = load<T, V>(bias + c); \
        for (int i = 0; i < V; i++) a.v[i] = rounded<T>(real(a.v[i]) + real(b.v[i])); \
        store<T, V>(x + r * sx + c, a); \
    } \
}
ACTIVATIONS(KERNELS)

#define ADD_SCALED(X, xName, Y, yName, N) \
    ADD_SCALED_OF(X, Y, xName##_##yName##_v, N) \
    ADD_SCALED_OF(X, Y, xName##_##yName##_s, 1)
#define ADD_SCALED_OF(X, Y, name, V) \
extern "C" __global__ void addScaled_##name(float factor, const X* x, i64 sx, Y* y, i64 sy, i64 rows, i64 columns) { \
    EACH(r, c, rows, columns, V) { \
        Vec<X, V> a = load<X, V>(x + r * sx + c); \
        Vec<Y, V> b = load<Y, V>(y + r * sy + c); \
        for (int i = 0; i < V; i++) b.v[i] = rounded<Y>(real(b.v[i]) + factor * real(a.v[i])); \
        store<Y, V>(y + r * sy + c, b); \
    } \
}
ADD_SCALED(float, f32, float, f32, 4)
ADD_SCALED(bf16, bf16, bf16, bf16, 8)
ADD_SCALED(f16, f16, f16, f16, 8)
ADD_SCALED(bf16, bf16, float, f32, 8)
ADD_SCALED(f16, f16, float, f32, 8)

#define CONVERT(X, xName, Y, yName) \
    CONVERT_OF(X, Y, xName##_##yName##_v, 8) \
    CONVERT_OF(X, Y, xName##_##yName##_s, 1)
#define CONVERT_OF(X, Y, name, V) \
extern "C" __global__ void convert_##name(const X* x, i64 sx, Y* y, i64 sy, i64 rows, i64 columns) { \
    EACH(r, c, rows, columns, V) { \
        Vec<X, V> a = load<X, V>(x + r * sx + c); \
        Vec<Y, V> b; \
        for (int i = 0; i < V; i++) b.v[i] = rounded<Y>(real(a.v[i])); \
        store<Y, V>(y + r * sy + c, b); \
    } \
}
CONVERT(float, f32, bf16, bf16)
CONVERT(float, f32, f16, f16)
CONVERT(float, f32, double, f64)
CONVERT(bf16, bf16, float, f32)
CONVERT(bf16, bf16, f16, f16)
CONVERT(bf16, bf16, double, f64)
CONVERT(f16, f16, float, f32)
CONVERT(f16, f16, bf16, bf16)
CONVERT(f16, f16, double, f64)
CONVERT(double, f64, float, f32)
CONVERT(double, f64, bf16, bf16)
CONVERT(double, f64, f16, f16)

// Bits of one type to the same type, and one value everywhere.
#define BITS(T, name, N) \
    BITS_OF(T, name##_v, N) \
    BITS_OF(T, name##_s, 1)
#define BITS_OF(T, name, V) \
extern "C" __global__ void move_##name(const T* x, i64 sx, T* y, i64 sy, i64 rows, i64 columns) { \
    EACH(r, c, rows, columns, V) store<T, V>(y + r * sy + c, load<T, V>(x + r * sx + c)); \
} \
extern "C" __global__ void fill_##name(T* x, i64 sx, u64 value, i64 rows, i64 columns) { \
    Vec<T, V> a; \
    for (int i = 0; i < V; i++) a.v[i] = (T) value; \
    EACH(r, c, rows, columns, V) store<T, V>(x + r * sx + c, a); \
}
BITS(u8, 1, 16)
BITS(u16, 2, 8)
BITS(u32, 4, 4)
BITS(u64, 8, 2)
