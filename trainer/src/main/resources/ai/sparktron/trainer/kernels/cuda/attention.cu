// Attention for any types, layouts and head sizes up to 256, on the arithmetic units that do float32: exact where float32 is asked for, and what remains where
// nothing faster takes a call. Scores never leave the chip (arXiv 2205.14135). B query rows meet B key rows at a time; 256 / B threads share a row.
//
// q [Tq, H*K], k [Tk, G*K], v [Tk, G*Kv]; a query sees the keys of its document at its position or before. Documents ascend, so tiles of other documents are
// passed over by their first and last token.

#define THREADS 256
#define MOST 16

struct Layout { const int* positions; const int* documents; int tokens; };

// Fills rows [first, first + B) of a tile of `columns` columns, zeros past the end.
template <class T, int B> FORCE void fetch(float* tile, const T* x, i64 stride, int first, int tokens, int columns) {
    for (int e = threadIdx.x; e < B * columns; e += THREADS) {
        int r = e / columns, c = e % columns;
        tile[r * (columns + 1) + c] = first + r < tokens ? real(x[(first + r) * stride + c]) : 0;
    }
}

template <int B> FORCE void fetchLayout(int* documents, int* positions, Layout layout, int first, int absent) {
    for (int r = threadIdx.x; r < B; r += THREADS) {
        bool there = first + r < layout.tokens;
        documents[r] = there ? layout.documents[first + r] : absent;
        positions[r] = there ? layout.positions[first + r] : 0;
    }
}

// Whether some query of [q, q + B) may see some key of [k, k + B).
template <int B> FORCE bool meet(Layout queries, int q, Layout keys, int k) {
    int lastQuery = min(q + B, queries.tokens) - 1, lastKey = min(k + B, keys.tokens) - 1;
    int q0 = queries.documents[q], q1 = queries.documents[lastQuery], k0 = keys.documents[k], k1 = keys.documents[lastKey];
    if (k1 < q0 || k0 > q1) return false;
    return !(q0 == q1 && k0 == k1 && keys.positions[k] > queries.positions[lastQuery]);
}

FORCE float rowSum(float x, int width) {
    for (int d = width / 2; d > 0; d /= 2) x += __shfl_xor_sync(0xffffffffu, x, d, 32);
    return x;
}

FORCE float rowMax(float x, int width) {
    for (int d = width / 2; d > 0; d /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, d, 32));
    return x;
}

template <class T, class R, int B> FORCE void attentionForward(const T* q, i64 sq, const T* k, i64 sk, const T* v, i64 sv, R* out, i64 so, float* logSumExp, i64 sl,
        Layout queries, Layout keys, int heads, int kvHeads, int K, int Kv, float scale) {
    extern __shared__ float room[];
    const int W = THREADS / B;
    float *Q = room, *Kt = Q + B * (K + 1), *V = Kt + B * (K + 1), *S = V + B * (Kv + 1);
    int *dq = (int*) (S + B * (B + 1)), *pq = dq + B, *dk = pq + B, *pk = dk + B;
    int first = blockIdx.x * B, head = blockIdx.y, kvHead = head / (heads / kvHeads);
    int row = threadIdx.x / W, lane = threadIdx.x % W;
    fetch<T, B>(Q, q + head * K, sq, first, queries.tokens, K);
    fetchLayout<B>(dq, pq, queries, first, -1);
    float o[MOST], largest = -INFINITE, sum = 0;
#pragma unroll
    for (int i = 0; i < MOST; i++) o[i] = 0;
    for (int from = 0; from < keys.tokens; from += B) {
        if (!meet<B>(queries, first, keys, from)) continue;
        __syncthreads();
        fetch<T, B>(Kt, k + kvHead * K, sk, from, keys.tokens, K);
        fetch<T, B>(V, v + kvHead * Kv, sv, from, keys.tokens, Kv);
        fetchLayout<B>(dk, pk, keys, from, -2);
        __syncthreads();
        float here = -INFINITE;
        for (int c = lane; c < B; c += W) {
            float score = 0;
            for (int i = 0; i < K; i++) score += Q[row * (K + 1) + i] * Kt[c * (K + 1) + i];
            score = dq[row] == dk[c] && pk[c] <= pq[row] ? score * scale : -INFINITE;
            S[row * (B + 1) + c] = score;
            here = fmaxf(here, score);
        }
        float larger = fmaxf(largest, rowMax(here, W));
        float kept = larger > -INFINITE ? expf(largest - larger) : 1, added = 0;
        for (int c = lane; c < B; c += W) {
            float p = larger > -INFINITE ? expf(S[row * (B + 1) + c] - larger) : 0;
            S[row * (B + 1) + c] = p;
            added += p;
        }
        sum = sum * kept + rowSum(added, W);
        largest = larger;
        __syncwarp();
#pragma unroll
        for (int i = 0; i < MOST; i++) {
            int column = lane + i * W;
            if (column < Kv) {
                float value = o[i] * kept;
                for (int c = 0; c < B; c++) value += S[row * (B + 1) + c] * V[c * (Kv + 1) + column];
                o[i] = value;
            }
        }
    }
    i64 t = first + row;
    if (t >= queries.tokens) return;
#pragma unroll
    for (int i = 0; i < MOST; i++) {
        int column = lane + i * W;
        if (column < Kv) out[t * so + head * Kv + column] = rounded<R>(sum > 0 ? o[i] / sum : 0);
    }
    if (logSumExp && lane == 0) logSumExp[t * sl + head] = sum > 0 ? largest + logf(sum) : -INFINITE;
}

// delta[t, h] = sum of dOut * out over a head: what the softmax's gradient subtracts. A warp a token and head.
template <class T> FORCE void attentionDelta(const T* dOut, i64 sd, const T* out, i64 so, float* delta, int tokens, int heads, int Kv) {
    i64 n = ((i64) blockIdx.x * THREADS + threadIdx.x) / 32;
    if (n >= (i64) tokens * heads) return;
    i64 t = n / heads, h = n % heads;
    float sum = 0;
    for (int c = threadIdx.x % 32; c < Kv; c += 32) sum += real(dOut[t * sd + h * Kv + c]) * real(out[t * so + h * Kv + c]);
    sum = rowSum(sum, 32);
    if (threadIdx.x % 32 == 0) delta[n] = sum;
}

// Probability and gradient of one score.
struct Share { float p, ds; };
template <int B> FORCE Share share(const float* Q, const float* Kt, const float* V, const float* D, int r, int c, int K, int Kv, bool seen, float scale, float all,
        float delta) {
    Share result = {0, 0};
    if (!seen || all == -INFINITE) return result;
    float score = 0, dp = 0;
    for (int i = 0; i < K; i++) score += Q[r * (K + 1) + i] * Kt[c * (K + 1) + i];
    for (int i = 0; i < Kv; i++) dp += D[r * (Kv + 1) + i] * V[c * (Kv + 1) + i];
    result.p = expf(score * scale - all);
    result.ds = result.p * (dp - delta) * scale;
    return result;
}

template <class T, class R, int B> FORCE void attentionQueries(const T* dOut, i64 sd, const T* q, i64 sq, const T* k, i64 sk, const T* v, i64 sv, const float* logSumExp,
        i64 sl, const float* delta, R* dq, i64 sdq, int accumulate, Layout queries, Layout keys, int heads, int kvHeads, int K, int Kv, float scale) {
    extern __shared__ float room[];
    const int W = THREADS / B;
    float *Q = room, *Kt = Q + B * (K + 1), *V = Kt + B * (K + 1), *D = V + B * (Kv + 1), *S = D + B * (Kv + 1);
    int *docQ = (int*) (S + B * (B + 1)), *posQ = docQ + B, *docK = posQ + B, *posK = docK + B;
    int first = blockIdx.x * B, head = blockIdx.y, kvHead = head / (heads / kvHeads);
    int row = threadIdx.x / W, lane = threadIdx.x % W;
    fetch<T, B>(Q, q + head * K, sq, first, queries.tokens, K);
    fetch<T, B>(D, dOut + head * Kv, sd, first, queries.tokens, Kv);
    fetchLayout<B>(docQ, posQ, queries, first, -1);
    i64 t = first + row;
    float all = t < queries.tokens ? logSumExp[t * sl + head] : -INFINITE, own = t < queries.tokens ? delta[t * heads + head] : 0;
    float g[MOST];
#pragma unroll
    for (int i = 0; i < MOST; i++) g[i] = 0;
    for (int from = 0; from < keys.tokens; from += B) {
        if (!meet<B>(queries, first, keys, from)) continue;
        __syncthreads();
        fetch<T, B>(Kt, k + kvHead * K, sk, from, keys.tokens, K);
        fetch<T, B>(V, v + kvHead * Kv, sv, from, keys.tokens, Kv);
        fetchLayout<B>(docK, posK, keys, from, -2);
        __syncthreads();
        for (int c = lane; c < B; c += W)
            S[row * (B + 1) + c] = share<B>(Q, Kt, V, D, row, c, K, Kv, docQ[row] == docK[c] && posK[c] <= posQ[row], scale, all, own).ds;
        __syncwarp();
#pragma unroll
        for (int i = 0; i < MOST; i++) {
            int column = lane + i * W;
            if (column < K) for (int c = 0; c < B; c++) g[i] += S[row * (B + 1) + c] * Kt[c * (K + 1) + column];
        }
    }
    if (t >= queries.tokens) return;
#pragma unroll
    for (int i = 0; i < MOST; i++) {
        int column = lane + i * W;
        if (column < K) {
            R* to = dq + t * sdq + head * K + column;
            *to = rounded<R>(accumulate ? real(*to) + g[i] : g[i]);
        }
    }
}

// Gradients of a tile of keys and values: all queries of all heads that share them, in their order.
template <class T, class R, int B> FORCE void attentionKeys(const T* dOut, i64 sd, const T* q, i64 sq, const T* k, i64 sk, const T* v, i64 sv, const float* logSumExp,
        i64 sl, const float* delta, R* dk, i64 sdk, R* dv, i64 sdv, int accumulate, Layout queries, Layout keys, int heads, int kvHeads, int K, int Kv, float scale) {
    extern __shared__ float room[];
    const int W = THREADS / B;
    float *Q = room, *Kt = Q + B * (K + 1), *V = Kt + B * (K + 1), *D = V + B * (Kv + 1), *P = D + B * (Kv + 1), *S = P + B * (B + 1), *L = S + B * (B + 1),
            *E = L + B;
    int *docQ = (int*) (E + B), *posQ = docQ + B, *docK = posQ + B, *posK = docK + B;
    int first = blockIdx.x * B, kvHead = blockIdx.y, group = heads / kvHeads;
    int row = threadIdx.x / W, lane = threadIdx.x % W;
    fetch<T, B>(Kt, k + kvHead * K, sk, first, keys.tokens, K);
    fetch<T, B>(V, v + kvHead * Kv, sv, first, keys.tokens, Kv);
    fetchLayout<B>(docK, posK, keys, first, -2);
    float gk[MOST], gv[MOST];
#pragma unroll
    for (int i = 0; i < MOST; i++) gk[i] = gv[i] = 0;
    for (int head = kvHead * group; head < (kvHead + 1) * group; head++)
        for (int from = 0; from < queries.tokens; from += B) {
            if (!meet<B>(queries, from, keys, first)) continue;
            __syncthreads();
            fetch<T, B>(Q, q + head * K, sq, from, queries.tokens, K);
            fetch<T, B>(D, dOut + head * Kv, sd, from, queries.tokens, Kv);
            fetchLayout<B>(docQ, posQ, queries, from, -1);
            for (int r = threadIdx.x; r < B; r += THREADS) {
                bool there = from + r < queries.tokens;
                L[r] = there ? logSumExp[(i64) (from + r) * sl + head] : -INFINITE;
                E[r] = there ? delta[(i64) (from + r) * heads + head] : 0;
            }
            __syncthreads();
            // This thread's key is `row`; it goes through the queries.
            for (int r = lane; r < B; r += W) {
                Share s = share<B>(Q, Kt, V, D, r, row, K, Kv, docQ[r] == docK[row] && posK[row] <= posQ[r], scale, L[r], E[r]);
                P[row * (B + 1) + r] = s.p;
                S[row * (B + 1) + r] = s.ds;
            }
            __syncwarp();
#pragma unroll
            for (int i = 0; i < MOST; i++) {
                int column = lane + i * W;
                if (column < K) for (int r = 0; r < B; r++) gk[i] += S[row * (B + 1) + r] * Q[r * (K + 1) + column];
                if (column < Kv) for (int r = 0; r < B; r++) gv[i] += P[row * (B + 1) + r] * D[r * (Kv + 1) + column];
            }
        }
    i64 t = first + row;
    if (t >= keys.tokens) return;
#pragma unroll
    for (int i = 0; i < MOST; i++) {
        int column = lane + i * W;
        if (column < K) {
            R* to = dk + t * sdk + kvHead * K + column;
            *to = rounded<R>(accumulate ? real(*to) + gk[i] : gk[i]);
        }
        if (column < Kv) {
            R* to = dv + t * sdv + kvHead * Kv + column;
            *to = rounded<R>(accumulate ? real(*to) + gv[i] : gv[i]);
        }
    }
}

#define LAYOUTS const int* queryPositions, const int* queryDocuments, int queryTokens, const int* keyPositions, const int* keyDocuments, int keyTokens
#define QUERIES Layout {queryPositions, queryDocuments, queryTokens}
#define KEYS Layout {keyPositions, keyDocuments, keyTokens}

extern "C" __global__ void __launch_bounds__(THREADS) delta(const TYPE* dOut, i64 sd, const TYPE* out, i64 so, float* delta, int tokens, int heads, int Kv) {
    attentionDelta<TYPE>(dOut, sd, out, so, delta, tokens, heads, Kv);
}

extern "C" __global__ void __launch_bounds__(THREADS) forward(const TYPE* q, i64 sq, const TYPE* k, i64 sk, const TYPE* v, i64 sv, RESULT* out, i64 so, float* logSumExp,
        i64 sl, LAYOUTS, int heads, int kvHeads, int K, int Kv, float scale) {
    attentionForward<TYPE, RESULT, SIZE>(q, sq, k, sk, v, sv, out, so, logSumExp, sl, QUERIES, KEYS, heads, kvHeads, K, Kv, scale);
}

extern "C" __global__ void __launch_bounds__(THREADS) queries(const TYPE* dOut, i64 sd, const TYPE* q, i64 sq, const TYPE* k, i64 sk, const TYPE* v, i64 sv,
        const float* logSumExp, i64 sl, const float* delta, RESULT* dq, i64 sdq, int accumulate, LAYOUTS, int heads, int kvHeads, int K, int Kv, float scale) {
    attentionQueries<TYPE, RESULT, SIZE>(dOut, sd, q, sq, k, sk, v, sv, logSumExp, sl, delta, dq, sdq, accumulate, QUERIES, KEYS, heads, kvHeads, K, Kv, scale);
}

extern "C" __global__ void __launch_bounds__(THREADS) keys(const TYPE* dOut, i64 sd, const TYPE* q, i64 sq, const TYPE* k, i64 sk, const TYPE* v, i64 sv,
        const float* logSumExp, i64 sl, const float* delta, RESULT* dk, i64 sdk, RESULT* dv, i64 sdv, int accumulate, LAYOUTS, int heads, int kvHeads, int K, int Kv,
        float scale) {
    attentionKeys<TYPE, RESULT, SIZE>(dOut, sd, q, sq, k, sk, v, sv, logSumExp, sl, delta, dk, sdk, dv, sdv, accumulate, QUERIES, KEYS, heads, kvHeads, K, Kv, scale);
}
