// Rows of a table by index, and the sums of their gradients.

using T = TYPE;             // of rows
using U = RESULT;           // of the table's gradient
constexpr int W = LANES;

/** out[t] = table[ids[t] - firstRow], zeros where that is outside */
extern "C" __global__ void embedding(const int* ids, const T* table, i64 tableStride, i64 tableRows, i64 firstRow, T* out,
                                     i64 outStride, i64 tokens, i64 columns) {
    eachPack<W>(tokens, columns, [&](i64 token, i64 column, auto lanes) {
        constexpr int L = decltype(lanes)::count;
        i64 row = ids[token] - firstRow;
        Pack<T, L> pack = {};
        if (row >= 0 && row < tableRows) pack = load<L>(table + row * tableStride + column);
        store(out + token * outStride + column, pack);
    });
}

constexpr int WARPS = 8;
constexpr int TILE = 1024;

/**
 * order = the tokens sorted by id, tokens of one id in their order, and their ids beside it: a token's place is the number of tokens that come before it, counted
 * by comparing with all. A block has 32 tokens; each of its 8 warps counts in an eighth of every tile.
 */
extern "C" __global__ void __launch_bounds__(32 * WARPS) sortTokens(const int* ids, int tokens, int* order, int* sorted) {
    __shared__ Pack<int, 4> tile[TILE / 4];
    __shared__ int counts[WARPS][32];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int first = blockIdx.x * 32, token = first + lane;
    int id = token < tokens ? ids[token] : 0;
    int before = 0;
    for (int start = 0; start < tokens; start += TILE) {
        __syncthreads();
        for (int i = threadIdx.x; i < TILE; i += blockDim.x) tile[i / 4].at[i % 4] = start + i < tokens ? ids[start + i] : 0x7fffffff;
        __syncthreads();
#pragma unroll 4
        for (int pack = warp * (TILE / 4 / WARPS); pack < (warp + 1) * (TILE / 4 / WARPS); pack++) {
            Pack<int, 4> others = tile[pack];
            int other = start + pack * 4;
            // Tokens before the block's own come first at the same id, those behind it do not.
            int below = id + (other < first);
#pragma unroll
            for (int i = 0; i < 4; i++) before += others.at[i] < below;
            if (other >= first && other < first + 32) {
#pragma unroll
                for (int i = 0; i < 4; i++) before += others.at[i] == id && other + i < token;
            }
        }
    }
    counts[warp][lane] = before;
    __syncthreads();
    if (warp == 0 && token < tokens) {
        int place = 0;
#pragma unroll
        for (int w = 0; w < WARPS; w++) place += counts[w][lane];
        order[place] = token;
        sorted[place] = id;
    }
}

/** What each thread adds to a row of the table: W columns at {@code column}, where the row has them. */
FORCE void addToRow(U* row, int column, int columns, const float (&sum)[W]) {
    if (column >= columns) return;
    Pack<U, W> total = load<W>(row + column);
#pragma unroll
    for (int i = 0; i < W; i++) total.at[i] = rounded<U>(real(total.at[i]) + sum[i]);
    store(row + column, total);
}

FORCE void addToken(const T* row, int column, int columns, float (&sum)[W]) {
    if (column >= columns) return;
    Pack<T, W> pack = load<W>(row + column);
#pragma unroll
    for (int i = 0; i < W; i++) sum[i] += real(pack.at[i]);
}

/**
 * dTable[id - firstRow] += the sum of dy over the id's tokens, in their order. Blocks (8 places of the order, tile of 32 * W columns). A warp has a place, and
 * sums where an id begins and has fewer than 32 tokens; ids of more tokens, such as a full stop's, are left for all warps together, each taking every eighth
 * token.
 */
extern "C" __global__ void __launch_bounds__(32 * WARPS) addTokens(const int* order, const int* sorted, int tokens, const T* dy, i64 dyStride,
                                                                   i64 firstRow, i64 tableRows, U* dTable, i64 tableStride, int columns) {
    __shared__ float sums[WARPS][32 * W];
    __shared__ int large[WARPS];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int place = blockIdx.x * WARPS + warp;
    int column = (blockIdx.y * 32 + lane) * W;
    bool begins = place < tokens && (place == 0 || sorted[place - 1] != sorted[place]);
    begins = begins && sorted[place] >= firstRow && sorted[place] - firstRow < tableRows;
    unsigned same = __ballot_sync(ALL, begins && place + lane < tokens && sorted[min(place + lane, tokens - 1)] == sorted[place]);
    if (lane == 0) large[warp] = begins && same == ALL;
    if (begins && same != ALL) {
        int count = __ffs((int) ~same) - 1;
        float sum[W] = {};
#pragma unroll 4
        for (int i = 0; i < count; i++) addToken(dy + order[place + i] * dyStride, column, columns, sum);
        addToRow(dTable + (sorted[place] - firstRow) * tableStride, column, columns, sum);
    }
    __syncthreads();
    for (int w = 0; w < WARPS; w++) {
        if (!large[w]) continue;
        int start = blockIdx.x * WARPS + w, id = sorted[start], end = start + 32, limit = tokens;
        while (end < limit) {  // the first place of a larger id lies from end to limit
            int middle = (end + limit) / 2;
            if (sorted[middle] == id) end = middle + 1;
            else limit = middle;
        }
        float sum[W] = {};
#pragma unroll 4
        for (int other = start + warp; other < end; other += WARPS) addToken(dy + order[other] * dyStride, column, columns, sum);
#pragma unroll
        for (int i = 0; i < W; i++) sums[warp][i * 32 + lane] = sum[i];
        __syncthreads();
        if (warp == 0) {
            float total[W] = {};
#pragma unroll
            for (int i = 0; i < W; i++) for (int p = 0; p < WARPS; p++) total[i] += sums[p][i * 32 + lane];
            addToRow(dTable + (id - firstRow) * tableStride, column, columns, total);
        }
        __syncthreads();
    }
}
