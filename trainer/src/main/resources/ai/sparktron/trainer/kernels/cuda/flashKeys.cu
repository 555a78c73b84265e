// The gradients of attention at its keys and values, on the tensor cores: ROWS keys of a key/value head meet TILE queries at a time, of all query heads that share
// the head, one head after the other. Products are transposed, keys by queries, so that a warp's weights are at once the left operand of its sums:
// dV = P^T dOut, dK = (P (dOut V^T - delta))^T Q times scale. The order is fixed, so the bits are the same every time.
//
// A wide head's sums do not fit into registers: then the grid is PARTS deep, and each part of a block makes the sums of its share of the columns.
// Shared memory: K, V, and two stages of Q, dOut, logs of sums, deltas, documents and positions. work[b] is {first key, first query, end of queries, 0}.

extern "C" __global__ void __launch_bounds__(THREADS, 1) keys(const T* dOut, i64 sd, const T* q, i64 sq, const T* k, i64 sk, const T* v, i64 sv, const float* sums,
        i64 ss, const float* delta, RESULT* dk, i64 sdk, RESULT* dv, i64 sdv, int accumulate, LAYOUTS, int heads, int kvHeads, int keySize, int valueSize, float scale,
        const int4* work) {
    extern __shared__ __align__(128) unsigned char room[];
    const int STAGE = TILE * (rowBytes(KEY) + rowBytes(VALUE) + 16), OTHERS = ROWS * (rowBytes(KEY) + rowBytes(VALUE));
    const int KEY_PART = KEY / PARTS, VALUE_PART = VALUE / PARTS;
    Layout keys = KEYS;
    unsigned Kt = place(room), V = Kt + ROWS * rowBytes(KEY), stages = Kt + OTHERS;
    int4 mine = work[blockIdx.y];
    int kvHead = blockIdx.x, group = heads / kvHeads, part = blockIdx.z, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    int row = mine.x + warp * 16 + lane / 4;
    bool idle = mine.x + warp * 16 >= keyTokens;
    int tiles = (mine.z - mine.y + TILE - 1) / TILE, steps = tiles * group;
    auto bring = [&](int step, unsigned to) {
        int head = kvHead * group + step / tiles, from = mine.y + step % tiles * TILE;
        fetch<TILE, KEY>(to, q + head * keySize, sq, from, queryTokens, keySize);
        fetch<TILE, VALUE>(to + TILE * rowBytes(KEY), dOut + head * valueSize, sd, from, queryTokens, valueSize);
        unsigned numbers = to + TILE * (rowBytes(KEY) + rowBytes(VALUE));
        fetchNumbers<TILE>(numbers, sums + head, ss, from, queryTokens);
        fetchNumbers<TILE>(numbers + TILE * 4, delta + head, heads, from, queryTokens);
        fetchNumbers<TILE>(numbers + TILE * 8, queryDocuments, 1, from, queryTokens);
        fetchNumbers<TILE>(numbers + TILE * 12, queryPositions, 1, from, queryTokens);
    };

    fetch<ROWS, KEY>(Kt, k + kvHead * keySize, sk, mine.x, keyTokens, keySize);
    fetch<ROWS, VALUE>(V, v + kvHead * valueSize, sv, mine.x, keyTokens, valueSize);
    if (steps > 0) bring(0, stages);
    commit();
    Rows rows(keys, row);
    Range own(keys, mine.x + warp * 16, 16);
    unsigned keyRows = Kt + warp * 16 * rowBytes(KEY) + asLeft(KEY), valueRows = V + warp * 16 * rowBytes(VALUE) + asLeft(VALUE);
    float scaling = scale * LOG2E, gk[KEY_PART / 8][4], gv[VALUE_PART / 8][4];
#pragma unroll
    for (int n = 0; n < KEY_PART / 8; n++) gk[n][0] = gk[n][1] = gk[n][2] = gk[n][3] = 0;
#pragma unroll
    for (int n = 0; n < VALUE_PART / 8; n++) gv[n][0] = gv[n][1] = gv[n][2] = gv[n][3] = 0;

    for (int step = 0; step < steps; step++) {
        if (step + 1 < steps) bring(step + 1, stages + (step + 1) % 2 * STAGE);
        commit();
        arrived<1>();
        __syncthreads();
        unsigned queryTile = stages + step % 2 * STAGE, gradientTile = queryTile + TILE * rowBytes(KEY);
        const float* logs = (const float*) (room + OTHERS + step % 2 * STAGE + TILE * (rowBytes(KEY) + rowBytes(VALUE)));
        const float* deltas = logs + TILE;
        const int* documents = (const int*) (deltas + TILE);
        const int* positions = documents + TILE;
        int there = min(TILE, queryTokens - mine.y - step % tiles * TILE);
        Range others(documents, positions, there);
        if (!idle && !unseen(others, own)) {
            float p[TILE / 8][4], d[TILE / 8][4];
            innerProducts<TILE, KEY>(p, keyRows, queryTile + asColumns(KEY));
            innerProducts<TILE, VALUE>(d, valueRows, gradientTile + asColumns(VALUE));
            bool whole = there == TILE && allSeen(others, own);
#pragma unroll
            for (int n = 0; n < TILE / 8; n++)
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    int c = n * 8 + lane % 4 * 2 + i % 2, half = i / 2;
                    bool seen = whole || c < there && documents[c] == rows.document[half] && rows.position[half] <= positions[c];
                    p[n][i] = seen ? power2(p[n][i] * scaling - logs[c] * LOG2E) : 0;
                    d[n][i] = seen ? p[n][i] * (d[n][i] - deltas[c]) : 0;
                }
            addRows<TILE, VALUE_PART, VALUE>(gv, p, gradientTile + asRows(VALUE) + part * VALUE_PART * 2);
            addRows<TILE, KEY_PART, KEY>(gk, d, queryTile + asRows(KEY) + part * KEY_PART * 2);
        }
        __syncthreads();
    }
    arrived<0>();
    int keyColumns = part * KEY_PART, valueColumns = part * VALUE_PART;
    write<KEY_PART>(dk + kvHead * keySize + keyColumns, sdk, row, keyTokens, keySize - keyColumns, gk, scale, scale, accumulate);
    write<VALUE_PART>(dv + kvHead * valueSize + valueColumns, sdv, row, keyTokens, valueSize - valueColumns, gv, 1, 1, accumulate);
}
