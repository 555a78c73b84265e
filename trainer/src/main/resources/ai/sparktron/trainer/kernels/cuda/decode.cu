// Attention of one further token of each of some sequences to its cache, which takes it in, and the likeliest token of rows of logits. Lengths are read from memory,
// so that launches can be recorded once and replayed for every token.
//
// q [B, H*K], k [B, G*K], v [B, G*Kv], out [B, H*Kv]; keys [B*C, G*K] and values [B*C, G*Kv], of which sequence b has rows b*C to (b + 1)*C. A block has SHARE places of
// a sequence and HEADS query heads that read the same key head. Where a sequence may have several shares, their results go to float32 memory of their own, parts
// [shares, B, H, Kv] and log-sum-exps [shares, B, H], for `joinShares`.

using T = TYPE;
constexpr int W = LANES;    // divides K, Kv and all strides
constexpr int THREADS = 256;
constexpr int SHARE = 64;
constexpr int NEAR = 8;     // lanes that share a key

/** Blocks (share, H / HEADS, sequence); `groups` of them read the same key head. Shares behind the sequence's end have nothing to do. */
extern "C" __global__ void __launch_bounds__(THREADS) attend(const T* q, i64 sq, const T* k, i64 sk, const T* v, i64 sv, const int* positions, T* keys, i64 sKeys,
        T* values, i64 sValues, i64 capacity, int groups, int K, int Kv, float scale, T* out, i64 so, float* parts, float* partSums) {
    extern __shared__ __align__(16) float room[];
    int sequence = blockIdx.z, position = positions[sequence], from = blockIdx.x * SHARE;
    if (from > position) return;
    int count = min(SHARE, position + 1 - from), kvHead = blockIdx.y / groups, firstHead = blockIdx.y * HEADS, heads = gridDim.y * HEADS;
    float *Q = room, *P = Q + HEADS * K, *O = P + HEADS * SHARE;
    keys += sequence * capacity * sKeys + kvHead * K;
    values += sequence * capacity * sValues + kvHead * Kv;

    if (position < from + SHARE) {  // the new token's own place; blocks of other heads of the group write the same
        for (int c = threadIdx.x; c < K; c += THREADS) keys[position * sKeys + c] = k[sequence * sk + kvHead * K + c];
        for (int c = threadIdx.x; c < Kv; c += THREADS) values[position * sValues + c] = v[sequence * sv + kvHead * Kv + c];
    }
    for (int i = threadIdx.x; i < HEADS * K; i += THREADS) Q[i] = real(q[sequence * sq + firstHead * K + i]) * scale;
    __syncthreads();

    int near = threadIdx.x % NEAR;
    for (int at = threadIdx.x / NEAR; at < SHARE; at += THREADS / NEAR) {
        float score[HEADS] = {};
        const T* row = keys + (i64) (from + at) * sKeys;
        for (int c = near * W; c < K && at < count; c += NEAR * W) {
            Pack<T, W> pack = load<W>(row + c);
#pragma unroll
            for (int h = 0; h < HEADS; h++)
#pragma unroll
                for (int i = 0; i < W; i++) score[h] += Q[h * K + c + i] * real(pack.at[i]);
        }
#pragma unroll
        for (int h = 0; h < HEADS; h++) {
            float whole = warpSum<NEAR>(score[h]);
            if (near == 0) P[h * SHARE + at] = at < count ? whole : -INFINITE;
        }
    }
    __syncthreads();

    int lane = threadIdx.x % 32;
    for (int h = threadIdx.x / 32; h < HEADS; h += THREADS / 32) {
        float largest = -INFINITE, sum = 0;
        for (int at = lane; at < SHARE; at += 32) largest = fmaxf(largest, P[h * SHARE + at]);
        largest = warpMax(largest);
        for (int at = lane; at < SHARE; at += 32) sum += P[h * SHARE + at] = expf(P[h * SHARE + at] - largest);
        sum = warpSum(sum);
        for (int at = lane; at < SHARE; at += 32) P[h * SHARE + at] /= sum;
        if (parts && lane == 0) partSums[((i64) blockIdx.x * gridDim.z + sequence) * heads + firstHead + h] = largest + logf(sum);
    }
    __syncthreads();

    int packs = Kv / W, slices = THREADS / packs, slice = threadIdx.x / packs, column = threadIdx.x % packs * W;
    if (slice < slices) {
        float o[HEADS][W] = {};
        for (int at = slice; at < count; at += slices) {
            Pack<T, W> pack = load<W>(values + (i64) (from + at) * sValues + column);
#pragma unroll
            for (int h = 0; h < HEADS; h++)
#pragma unroll
                for (int i = 0; i < W; i++) o[h][i] += P[h * SHARE + at] * real(pack.at[i]);
        }
#pragma unroll
        for (int h = 0; h < HEADS; h++)
#pragma unroll
            for (int i = 0; i < W; i++) O[(slice * HEADS + h) * Kv + column + i] = o[h][i];
    }
    __syncthreads();
    for (int i = threadIdx.x; i < HEADS * Kv; i += THREADS) {
        float sum = 0;
        for (int s = 0; s < slices; s++) sum += O[s * HEADS * Kv + i];
        if (parts) parts[(((i64) blockIdx.x * gridDim.z + sequence) * heads + firstHead) * Kv + i] = sum;
        else out[sequence * so + firstHead * Kv + i] = rounded<T>(sum);
    }
}

/** Blocks (head, sequence): the shares' results become one, each weighted with its share of the sum. Shared memory: a float for each share. */
extern "C" __global__ void __launch_bounds__(THREADS) joinShares(const float* parts, const float* partSums, const int* positions, T* out, i64 so, int Kv) {
    extern __shared__ float weights[];
    int head = blockIdx.x, heads = gridDim.x, sequence = blockIdx.y, sequences = gridDim.y, shares = positions[sequence] / SHARE + 1, lane = threadIdx.x % 32;
    const float* sums = partSums + (i64) sequence * heads + head;
    float largest = -INFINITE, sum = 0;
    for (int s = lane; s < shares; s += 32) largest = fmaxf(largest, sums[(i64) s * sequences * heads]);
    largest = warpMax(largest);
    for (int s = lane; s < shares; s += 32) sum += expf(sums[(i64) s * sequences * heads] - largest);
    sum = warpSum(sum);
    for (int s = threadIdx.x; s < shares; s += THREADS) weights[s] = expf(sums[(i64) s * sequences * heads] - largest) / sum;
    __syncthreads();
    for (int c = threadIdx.x; c < Kv; c += THREADS) {
        const float* part = parts + ((i64) sequence * heads + head) * Kv + c;
        float value = 0;
#pragma unroll 8
        for (int s = 0; s < shares; s++) value += weights[s] * part[(i64) s * sequences * heads * Kv];
        out[sequence * so + head * Kv + c] = rounded<T>(value);
    }
}
