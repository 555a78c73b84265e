// The gradient of attention at its queries, on the tensor cores: ROWS queries of a head meet TILE keys at a time. Scores are made again from the log of sums;
// dQ = sum over keys of P (dOut V^T - delta) K, times scale. The tiles of keys are gone through in their order, so the bits are the same every time.
// Shared memory: Q, dOut, and two stages of K, V, documents and positions. `work` as in flashForward.cu.

extern "C" __global__ void __launch_bounds__(THREADS, 1) queries(const T* dOut, i64 sd, const T* q, i64 sq, const T* k, i64 sk, const T* v, i64 sv,
        const float* sums, i64 ss, const float* delta, RESULT* dq, i64 sdq, int accumulate, LAYOUTS, int heads, int kvHeads, int keySize, int valueSize, float scale,
        const int4* work) {
    extern __shared__ __align__(128) unsigned char room[];
    const int STAGE = TILE * (rowBytes(KEY) + rowBytes(VALUE) + 8), OTHERS = ROWS * (rowBytes(KEY) + rowBytes(VALUE));
    Layout queries = QUERIES;
    unsigned Q = place(room), O = Q + ROWS * rowBytes(KEY), stages = Q + OTHERS;
    int4 mine = work[blockIdx.y];
    int head = blockIdx.x, kvHead = head / (heads / kvHeads), warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    int row = mine.x + warp * 16 + lane / 4;
    bool idle = mine.x + warp * 16 >= queryTokens;
    q += head * keySize;
    dOut += head * valueSize;
    k += kvHead * keySize;
    v += kvHead * valueSize;
    auto stage = [&](int n) { return stages + n % 2 * STAGE; };
    auto bring = [&](int from, unsigned to) {
        fetch<TILE, KEY>(to, k, sk, from, keyTokens, keySize);
        fetch<TILE, VALUE>(to + TILE * rowBytes(KEY), v, sv, from, keyTokens, valueSize);
        fetchNumbers<TILE>(to + TILE * (rowBytes(KEY) + rowBytes(VALUE)), keyDocuments, 1, from, keyTokens);
        fetchNumbers<TILE>(to + TILE * (rowBytes(KEY) + rowBytes(VALUE) + 4), keyPositions, 1, from, keyTokens);
    };

    fetch<ROWS, KEY>(Q, q, sq, mine.x, queryTokens, keySize);
    fetch<ROWS, VALUE>(O, dOut, sd, mine.x, queryTokens, valueSize);
    if (mine.y < mine.z) bring(mine.y, stage(0));
    commit();
    Rows rows(queries, row);
    Range own(queries, mine.x + warp * 16, 16);
    float all[2], subtract[2];
#pragma unroll
    for (int half = 0; half < 2; half++) {
        i64 t = row + half * 8;
        all[half] = t < queryTokens ? sums[t * ss + head] * LOG2E : 0;
        subtract[half] = t < queryTokens ? delta[t * heads + head] : 0;
    }
    unsigned queryRows = Q + warp * 16 * rowBytes(KEY) + asLeft(KEY), gradientRows = O + warp * 16 * rowBytes(VALUE) + asLeft(VALUE);
    float scaling = scale * LOG2E, g[KEY / 8][4];
#pragma unroll
    for (int n = 0; n < KEY / 8; n++) g[n][0] = g[n][1] = g[n][2] = g[n][3] = 0;

    int step = 0;
    for (int at = mine.y; at < mine.z; at += TILE, step++) {
        if (at + TILE < mine.z) bring(at + TILE, stage(step + 1));
        commit();
        arrived<1>();
        __syncthreads();
        unsigned keyTile = stage(step), valueTile = keyTile + TILE * rowBytes(KEY);
        const int* documents = (const int*) (room + OTHERS + step % 2 * STAGE + TILE * (rowBytes(KEY) + rowBytes(VALUE)));
        const int* positions = documents + TILE;
        int there = min(TILE, keyTokens - at);
        Range others(documents, positions, there);
        if (!idle && !unseen(own, others)) {
            float s[TILE / 8][4], d[TILE / 8][4];
            innerProducts<TILE, KEY>(s, queryRows, keyTile + asColumns(KEY));
            innerProducts<TILE, VALUE>(d, gradientRows, valueTile + asColumns(VALUE));
            bool whole = there == TILE && allSeen(own, others);
#pragma unroll
            for (int n = 0; n < TILE / 8; n++)
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    int c = n * 8 + lane % 4 * 2 + i % 2, half = i / 2;
                    bool seen = whole || c < there && documents[c] == rows.document[half] && positions[c] <= rows.position[half];
                    s[n][i] = seen ? power2(s[n][i] * scaling - all[half]) * (d[n][i] - subtract[half]) : 0;
                }
            addRows<TILE, KEY, KEY>(g, s, keyTile + asRows(KEY));
        }
        __syncthreads();
    }
    arrived<0>();
    write<KEY>(dq + head * keySize, sdq, row, queryTokens, keySize, g, scale, scale, accumulate);
}

// delta[t, h] = sum of dOut * out over a head, which the gradient of the softmax subtracts. Eight lanes a token and head.
extern "C" __global__ void __launch_bounds__(THREADS) deltas(const T* dOut, i64 sd, const T* out, i64 so, float* delta, int tokens, int heads, int valueSize) {
    i64 n = ((i64) blockIdx.x * THREADS + threadIdx.x) / 8;
    bool there = n < (i64) tokens * heads;
    i64 t = there ? n / heads : 0, head = there ? n % heads : 0;
    const T *a = dOut + t * sd + head * valueSize, *b = out + t * so + head * valueSize;
    float sum = 0;
    for (int c = threadIdx.x % 8 * 8; c < valueSize; c += 64) {
        Pack<T, 8> x = load<8>(a + c), y = load<8>(b + c);
#pragma unroll
        for (int i = 0; i < 8; i++) sum += real(x.at[i]) * real(y.at[i]);
    }
    sum = warpSum<8>(sum);
    if (there && threadIdx.x % 8 == 0) delta[n] = sum;
}
