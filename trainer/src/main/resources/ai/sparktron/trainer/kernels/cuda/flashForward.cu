// Attention on the tensor cores (arXiv 2307.08691): ROWS queries of a head meet TILE keys at a time; scores and weights never leave the registers. Which tiles of
// keys a block goes through comes from the host: work[b] is {first query, first key, end of keys, 0}. A grid that is deeper than 1 shares the keys of a block out:
// each part's result goes to float32 memory of its own, for `joinParts`.
//
// q [Tq, H*K], k [Tk, G*K], v [Tk, G*Kv], out [Tq, H*Kv], sums [Tq, H]; parts [depth, Tq, H, Kv] and [depth, Tq, H]; scale above 0. RESULT is T or float.

extern "C" __global__ void __launch_bounds__(THREADS, 1) forward(const T* q, i64 sq, const T* k, i64 sk, const T* v, i64 sv, RESULT* out, i64 so, float* sums, i64 ss,
        LAYOUTS, int heads, int kvHeads, int keySize, int valueSize, float scale, const int4* work, float* parts, float* partSums) {
    extern __shared__ __align__(128) unsigned char room[];
    Layout queries = QUERIES;
    unsigned Q = place(room), Kt = Q + ROWS * rowBytes(KEY), V = Kt + TILE * rowBytes(KEY), D = V + TILE * rowBytes(VALUE), P = D + TILE * 4;
    const int* documents = (const int*) (room + ROWS * rowBytes(KEY) + TILE * rowBytes(KEY) + TILE * rowBytes(VALUE));
    const int* positions = documents + TILE;
    int4 mine = work[blockIdx.y];
    int head = blockIdx.x, kvHead = head / (heads / kvHeads), warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    int share = ((mine.z - mine.y + TILE - 1) / TILE + gridDim.z - 1) / gridDim.z * TILE;
    int from = mine.y + blockIdx.z * share, end = min(from + share, mine.z);
    int row = mine.x + warp * 16 + lane / 4;
    bool idle = mine.x + warp * 16 >= queryTokens;
    q += head * keySize;
    k += kvHead * keySize;
    v += kvHead * valueSize;

    fetch<ROWS, KEY>(Q, q, sq, mine.x, queryTokens, keySize);
    if (from < end) {
        fetch<TILE, KEY>(Kt, k, sk, from, keyTokens, keySize);
        fetchNumbers<TILE>(D, keyDocuments, 1, from, keyTokens);
        fetchNumbers<TILE>(P, keyPositions, 1, from, keyTokens);
    }
    commit();
    Rows rows(queries, row);
    Range own(queries, mine.x + warp * 16, 16);
    unsigned left = Q + warp * 16 * rowBytes(KEY) + asLeft(KEY), columns = Kt + asColumns(KEY), values = V + asRows(VALUE);
    float scaling = scale * LOG2E, o[VALUE / 8][4], largest[2] = {-INFINITE, -INFINITE}, sum[2] = {0, 0};
#pragma unroll
    for (int n = 0; n < VALUE / 8; n++) o[n][0] = o[n][1] = o[n][2] = o[n][3] = 0;

    for (int at = from; at < end; at += TILE) {
        arrived<0>();
        __syncthreads();
        fetch<TILE, VALUE>(V, v, sv, at, keyTokens, valueSize);
        commit();
        int there = min(TILE, keyTokens - at);
        Range others(documents, positions, there);
        bool skipped = idle || unseen(own, others);
        float s[TILE / 8][4];
        if (!skipped) {
            innerProducts<TILE, KEY>(s, left, columns);
            if (there < TILE || !allSeen(own, others)) {
#pragma unroll
                for (int n = 0; n < TILE / 8; n++)
#pragma unroll
                    for (int i = 0; i < 4; i++) {
                        int c = n * 8 + lane % 4 * 2 + i % 2, half = i / 2;
                        if (c >= there || documents[c] != rows.document[half] || positions[c] > rows.position[half]) s[n][i] = -INFINITE;
                    }
            }
        }
        __syncthreads();
        if (at + TILE < end) {
            fetch<TILE, KEY>(Kt, k, sk, at + TILE, keyTokens, keySize);
            fetchNumbers<TILE>(D, keyDocuments, 1, at + TILE, keyTokens);
            fetchNumbers<TILE>(P, keyPositions, 1, at + TILE, keyTokens);
        }
        commit();
        if (!skipped) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
                float most = -INFINITE;
#pragma unroll
                for (int n = 0; n < TILE / 8; n++) most = fmaxf(most, fmaxf(s[n][2 * half], s[n][2 * half + 1]));
                most = fmaxf(largest[half], warpMax<4>(most) * scaling);
                float base = most == -INFINITE ? 0 : most, kept = power2(largest[half] - base), added = 0;
#pragma unroll
                for (int n = 0; n < TILE / 8; n++)
#pragma unroll
                    for (int i = 2 * half; i < 2 * half + 2; i++) {
                        s[n][i] = power2(s[n][i] * scaling - base);
                        added += s[n][i];
                    }
                largest[half] = most;
                sum[half] = sum[half] * kept + added;
#pragma unroll
                for (int n = 0; n < VALUE / 8; n++) {
                    o[n][2 * half] *= kept;
                    o[n][2 * half + 1] *= kept;
                }
            }
        }
        arrived<1>();
        __syncthreads();
        if (!skipped) addRows<TILE, VALUE, VALUE>(o, s, values);
    }
    arrived<0>();
    if (idle) return;
#pragma unroll
    for (int half = 0; half < 2; half++) {
        sum[half] = warpSum<4>(sum[half]);
        int t = row + half * 8;
        float log = sum[half] > 0 ? largest[half] * LN2 + logf(sum[half]) : -INFINITE;
        if (t < queryTokens && lane % 4 == 0) {
            if (gridDim.z > 1) partSums[((i64) blockIdx.z * queryTokens + t) * heads + head] = log;
            else if (sums) sums[t * ss + head] = log;
        }
        sum[half] = sum[half] > 0 ? 1 / sum[half] : 0;
    }
    if (gridDim.z == 1) {
        write<VALUE>(out + head * valueSize, so, row, queryTokens, valueSize, o, sum[0], sum[1], false);
        return;
    }
#pragma unroll
    for (int n = 0; n < VALUE / 8; n++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            int t = row + i / 2 * 8, c = n * 8 + lane % 4 * 2 + i % 2;
            if (t < queryTokens && c < valueSize) parts[(((i64) blockIdx.z * queryTokens + t) * heads + head) * valueSize + c] = o[n][i] * sum[i / 2];
        }
}

// A warp a token and head: the parts' results become one, each weighted with its share of the sum.
extern "C" __global__ void __launch_bounds__(THREADS) joinParts(const float* parts, const float* partSums, int depth, RESULT* out, i64 so, float* sums, i64 ss, int tokens,
        int heads, int valueSize) {
    i64 n = ((i64) blockIdx.x * THREADS + threadIdx.x) / 32, all = (i64) tokens * heads;
    if (n >= all) return;
    i64 t = n / heads, head = n % heads;
    float largest = -INFINITE, sum = 0;
    for (int p = 0; p < depth; p++) largest = fmaxf(largest, partSums[p * all + n]);
    float base = largest == -INFINITE ? 0 : largest;
    for (int p = 0; p < depth; p++) sum += expf(partSums[p * all + n] - base);
    for (int c = threadIdx.x % 32; c < valueSize; c += 32) {
        float value = 0;
        for (int p = 0; p < depth; p++) value += expf(partSums[p * all + n] - base) * parts[(p * all + n) * valueSize + c];
        out[t * so + head * valueSize + c] = rounded<RESULT>(sum > 0 ? value / sum : 0);
    }
    if (sums && threadIdx.x % 32 == 0) sums[t * ss + head] = sum > 0 ? base + logf(sum) : -INFINITE;
}
