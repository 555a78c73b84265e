// Rows of a table by id, and the gradient without atomics: the first token of an id adds up the rows of all tokens of that id, in their order.
#define EMBEDDING(T, name, N) EMBEDDING_OF(T, name##_v, N) EMBEDDING_OF(T, name##_s, 1)
#define EMBEDDING_OF(T, name, V) \
extern "C" __global__ void embedding_##name(const int* ids, const T* table, i64 st, i64 firstRow, i64 tableRows, T* out, i64 so, i64 tokens, i64 columns) { \
    EACH(t, c, tokens, columns, V) { \
        i64 row = ids[t] - firstRow; \
        Vec<T, V> x; \
        if (row >= 0 && row < tableRows) x = load<T, V>(table + row * st + c); \
        else for (int i = 0; i < V; i++) x.v[i] = rounded<T>(0); \
        store<T, V>(out + t * so + c, x); \
    } \
}
ACTIVATIONS(EMBEDDING)

#define CHUNK 1024

// One block a token. It ends at once where an earlier token has the same id; else it goes through the tokens, a chunk at a time, and adds those of its id.
#define EMBEDDING_GRAD(X, xName, Y, yName, N) \
    EMBEDDING_GRAD_OF(X, Y, xName##_##yName##_v, N) \
    EMBEDDING_GRAD_OF(X, Y, xName##_##yName##_s, 1)
#define EMBEDDING_GRAD_OF(X, Y, name, V) \
extern "C" __global__ void embeddingGrad_##name(const int* ids, const X* dy, i64 sd, i64 firstRow, i64 tableRows, Y* dTable, i64 st, int tokens, i64 columns) { \
    __shared__ u32 found[CHUNK / 32]; \
    int mine = blockIdx.x, id = ids[mine]; \
    i64 row = id - firstRow; \
    if (row < 0 || row >= tableRows) return; \
    int earlier = 0; \
    for (int t = threadIdx.x; t < mine; t += blockDim.x) earlier |= ids[t] == id; \
    if (__syncthreads_or(earlier)) return; \
    for (i64 c0 = 0; c0 < columns; c0 += (i64) blockDim.x * V) { \
        i64 c = c0 + (i64) threadIdx.x * V; \
        float sum[V]; \
        if (c < columns) { \
            Vec<Y, V> before = load<Y, V>(dTable + row * st + c); \
            for (int i = 0; i < V; i++) sum[i] = real(before.v[i]); \
        } \
        for (int from = mine; from < tokens; from += CHUNK) { \
            int some = 0; \
            for (int k = threadIdx.x; k < CHUNK; k += blockDim.x) { \
                int same = from + k < tokens && ids[from + k] == id; \
                u32 bits = __ballot_sync(0xffffffffu, same); \
                if (k % 32 == 0) found[k / 32] = bits; \
                some |= same; \
            } \
            if (__syncthreads_or(some) && c < columns) \
                for (int w = 0; w < CHUNK / 32; w++) \
                    for (u32 bits = found[w]; bits; bits &= bits - 1) { \
                        i64 t = from + w * 32 + __ffs(bits) - 1; \
                        Vec<X, V> a = load<X, V>(dy + t * sd + c); \
                        for (int i = 0; i < V; i++) sum[i] += real(a.v[i]); \
                    } \
            __syncthreads(); \
        } \
        if (c < columns) { \
            Vec<Y, V> after; \
            for (int i = 0; i < V; i++) after.v[i] = rounded<Y>(sum[i]); \
            store<Y, V>(dTable + row * st + c, after); \
        } \
    } \
}
EMBEDDING_GRAD(float, f32, float, f32, 4)
EMBEDDING_GRAD(bf16, bf16, bf16, bf16, 8)
EMBEDDING_GRAD(f16, f16, f16, f16, 8)
EMBEDDING_GRAD(bf16, bf16, float, f32, 8)
EMBEDDING_GRAD(f16, f16, float, f32, 8)
