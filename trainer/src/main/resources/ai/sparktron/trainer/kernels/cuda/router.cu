// Choosing experts and the gradient of it; ExpertKernels has the formulas. A warp has a token, each lane every 32nd expert, in registers.

constexpr int E = SIZE;                 // experts
constexpr int P = (E + 31) / 32;        // of a lane
constexpr int WARPS = 8;
constexpr float FLOOR = 1e-20f;         // of a sum that weights are divided by
constexpr float FIXED = 1099511627776.0f;  // 2^40: sums of probabilities are sums of integers, so that their order does not matter

FORCE int lane() { return threadIdx.x % 32; }
FORCE int warp() { return threadIdx.x / 32; }
FORCE int expert(int i) { return i * 32 + lane(); }
FORCE bool there(int i) { return E % 32 == 0 || expert(i) < E; }

FORCE void loadRow(const float* row, float (&x)[P]) {
#pragma unroll
    for (int i = 0; i < P; i++) x[i] = there(i) ? row[expert(i)] : -INFINITE;
}

FORCE float logSumExp(const float (&x)[P]) {
    float most = -INFINITE, sum = 0;
#pragma unroll
    for (int i = 0; i < P; i++) most = fmaxf(most, x[i]);
    most = warpMax(most);
#pragma unroll
    for (int i = 0; i < P; i++) sum += expf(x[i] - most);
    return most + logf(warpSum(sum));
}

/** s = sigmoid or softmax of x; 0 where there is no expert. */
FORCE void score(const float (&x)[P], int sigmoid, float (&s)[P]) {
    if (sigmoid) {
#pragma unroll
        for (int i = 0; i < P; i++) s[i] = 1 / (1 + expf(-x[i]));
        return;
    }
    float most = -INFINITE, sum = 0;
#pragma unroll
    for (int i = 0; i < P; i++) most = fmaxf(most, x[i]);
    most = warpMax(most);
#pragma unroll
    for (int i = 0; i < P; i++) {
        s[i] = expf(x[i] - most);
        sum += s[i];
    }
    sum = warpSum(sum);
#pragma unroll
    for (int i = 0; i < P; i++) s[i] /= sum;
}

FORCE float sumOf(const float (&x)[P]) {
    float sum = 0;
#pragma unroll
    for (int i = 0; i < P; i++) sum += x[i];
    return warpSum(sum);
}

/** The largest value so far and where it is; of equal ones the smaller index. */
struct Best {
    float value = -INFINITE;
    int index = 0x7fffffff;

    FORCE void meet(float otherValue, int otherIndex) {
        if (otherValue > value || otherValue == value && otherIndex < index) {
            value = otherValue;
            index = otherIndex;
        }
    }

    /** Over the warp, in all lanes; always below `end`, whatever the values are. */
    FORCE int ofWarp(int end) {
#pragma unroll
        for (int distance = 16; distance > 0; distance /= 2) {
            float otherValue = __shfl_xor_sync(ALL, value, distance);
            int otherIndex = __shfl_xor_sync(ALL, index, distance);
            meet(otherValue, otherIndex);
        }
        return min(index, end - 1);
    }
};

/** Takes the experts of groups that are not chosen out of the ranks. groupRank and kept: [groups] in shared memory, of this warp alone. */
FORCE void leaveGroups(float (&rank)[P], int groups, int chosenGroups, int groupBest, float* groupRank, int* kept) {
    int size = E / groups, group[P];
    float left[P];
#pragma unroll
    for (int i = 0; i < P; i++) {
        group[i] = min(expert(i) / size, groups - 1);
        left[i] = rank[i];
    }
    for (int g = 0; g < groups; g++) {
        float total = 0;
        for (int b = 0; b < min(groupBest, size); b++) {
            Best best;
#pragma unroll
            for (int i = 0; i < P; i++) if (group[i] == g && there(i)) best.meet(left[i], expert(i));
            int index = best.ofWarp(E);
            total += best.value;
#pragma unroll
            for (int i = 0; i < P; i++) if (expert(i) == index) left[i] = -INFINITE;
        }
        if (lane() == 0) {
            groupRank[g] = total;
            kept[g] = 0;
        }
    }
    __syncwarp();
    for (int c = 0; c < chosenGroups; c++) {
        Best best;
        for (int g = lane(); g < groups; g += 32) if (!kept[g]) best.meet(groupRank[g], g);
        int chosen = best.ofWarp(groups);
        __syncwarp();  // other lanes may still read
        if (lane() == 0) kept[chosen] = 1;
        __syncwarp();
    }
#pragma unroll
    for (int i = 0; i < P; i++) if (!kept[group[i]]) rank[i] = -INFINITE;
}

/** Shared memory: [WARPS][2 * groups] where groups are left out. */
extern "C" __global__ void __launch_bounds__(32 * WARPS) route(const float* logits, i64 logitStride, const float* bias, const float* ranking,
                                                               i64 rankingStride, int sigmoid, int chosen, int groups, int chosenGroups,
                                                               int groupBest, int normalise, float scale, int* ids, i64 idStride,
                                                               float* weights, i64 weightStride, i64 tokens) {
    extern __shared__ float room[];
    i64 token = (i64) blockIdx.x * WARPS + warp();
    if (token >= tokens) return;
    ids += token * idStride;
    weights += token * weightStride;
    float x[P], s[P], rank[P];
    loadRow(logits + token * logitStride, x);
    score(x, sigmoid, s);
    if (ranking) loadRow(ranking + token * rankingStride, rank);
#pragma unroll
    for (int i = 0; i < P; i++) {
        if (!ranking) rank[i] = s[i];
        rank[i] = there(i) ? rank[i] + (bias ? bias[expert(i)] : 0) : -INFINITE;
    }
    if (chosenGroups < groups) {
        float* groupRank = room + warp() * 2 * groups;
        leaveGroups(rank, groups, chosenGroups, groupBest, groupRank, (int*) (groupRank + groups));
    }
    float sum = 0;
    for (int j = 0; j < chosen; j++) {
        Best best;
#pragma unroll
        for (int i = 0; i < P; i++) best.meet(rank[i], there(i) ? expert(i) : 0x7fffffff);
        int index = best.ofWarp(E);
        float weight = 0;
#pragma unroll
        for (int i = 0; i < P; i++) {
            if (expert(i) == index) {
                weight = s[i];
                rank[i] = -INFINITE;
            }
        }
        weight = __shfl_sync(ALL, weight, index % 32);
        sum += weight;
        if (lane() == 0) {
            ids[j] = index;
            weights[j] = weight;
        }
    }
    __syncwarp();
    float factor = normalise ? scale / (sum + FLOOR) : scale;
    for (int j = lane(); j < chosen; j += 32) weights[j] *= factor;
}

/** Slopes of the chosen's scores from those of their weights. */
FORCE void weightSlopes(const float* dWeights, const int* ids, const float (&s)[P], int chosen, int normalise, float scale, float (&slope)[P]) {
    float taken[P] = {}, sum = 0, product = 0;
    for (int j = 0; j < chosen; j++) {
        int id = ids[j];
        float grad = dWeights[j];
#pragma unroll
        for (int i = 0; i < P; i++) {
            if (expert(i) == id) {
                slope[i] += grad;
                taken[i] += 1;
                sum += s[i];
                product += grad * s[i];
            }
        }
    }
    sum = warpSum(sum) + FLOOR;
    product = warpSum(product) / sum;
#pragma unroll
    for (int i = 0; i < P; i++) slope[i] = scale * (normalise ? (slope[i] - taken[i] * product) / sum : slope[i]);
}

/** counts is null without a balancing loss, sequences where all tokens are of one. */
extern "C" __global__ void __launch_bounds__(32 * WARPS) routeGrad(const float* dWeights, i64 dWeightStride, const float* logits, i64 logitStride,
                                                                   const int* ids, i64 idStride, int sigmoid, int chosen, int normalise,
                                                                   float scale, const int* sequences, const float* counts, i64 countStride,
                                                                   const float* factors, float zFactor, float* dLogits, i64 dStride,
                                                                   i64 tokens) {
    i64 token = (i64) blockIdx.x * WARPS + warp();
    if (token >= tokens) return;
    float x[P], s[P], slope[P] = {};
    loadRow(logits + token * logitStride, x);
    score(x, sigmoid, s);
    weightSlopes(dWeights + token * dWeightStride, ids + token * idStride, s, chosen, normalise, scale, slope);
    if (counts) {
        int sequence = sequences ? sequences[token] : 0;
        float count[P], factor = factors[sequence], sum = 1, product = 0;
#pragma unroll
        for (int i = 0; i < P; i++) {
            count[i] = there(i) ? counts[sequence * countStride + expert(i)] : 0;
            product += count[i] * s[i];
        }
        if (sigmoid) sum = sumOf(s);
        product = sigmoid ? warpSum(product) / sum : 0;
#pragma unroll
        for (int i = 0; i < P; i++) slope[i] += factor * (count[i] - product) / sum;
    }
    float logSum = zFactor != 0 ? logSumExp(x) : 0, mean = 0;
#pragma unroll
    for (int i = 0; i < P; i++) mean += slope[i] * s[i];
    mean = warpSum(mean);
#pragma unroll
    for (int i = 0; i < P; i++) {
        float grad = sigmoid ? slope[i] * s[i] / (1 + expf(x[i])) : s[i] * (slope[i] - mean);
        if (zFactor != 0) grad += zFactor * 2 * logSum * expf(x[i] - logSum);
        if (there(i)) dLogits[token * dStride + expert(i)] = grad;
    }
}

/** sums [S, E, 2] += probabilities of 2^-40 and slots of a block's neighbouring tokens; zPartial [blocks] = their sum of squared log sums. */
extern "C" __global__ void __launch_bounds__(32 * WARPS) addStatistics(const float* logits, i64 logitStride, const int* ids, i64 idStride,
                                                                       int sigmoid, int chosen, const int* sequences, u64* sums,
                                                                       float* zPartial, i64 tokens, int tokensOfAWarp) {
    __shared__ u64 room[E][2];
    __shared__ int sequenceOf[WARPS];
    i64 first = ((i64) blockIdx.x * WARPS + warp()) * tokensOfAWarp, end = min(first + tokensOfAWarp, tokens);
    u64 probability[P] = {}, count[P] = {};
    int sequence = sequences ? sequences[min(first, tokens - 1)] : 0;
    auto flush = [&] {
#pragma unroll
        for (int i = 0; i < P; i++) {
            u64* to = sums + ((i64) sequence * E + expert(i)) * 2;
            if (there(i) && probability[i]) atomicAdd(to, probability[i]);
            if (there(i) && count[i]) atomicAdd(to + 1, count[i]);
            probability[i] = count[i] = 0;
        }
    };
    float z = 0;
    for (i64 token = first; token < end; token++) {
        if (sequences && sequences[token] != sequence) {
            flush();
            sequence = sequences[token];
        }
        float x[P], s[P];
        loadRow(logits + token * logitStride, x);
        score(x, sigmoid, s);
        float sum = sigmoid ? sumOf(s) : 1;
#pragma unroll
        for (int i = 0; i < P; i++) probability[i] += (u64) (s[i] / sum * FIXED);
        for (int from = 0; from < chosen; from += 32) {  // a read for every lane, not one after the other
            int here = min(chosen - from, 32), mine = lane() < here ? ids[token * idStride + from + lane()] : 0;
            for (int j = 0; j < here; j++) {
                int id = __shfl_sync(ALL, mine, j);
#pragma unroll
                for (int i = 0; i < P; i++) count[i] += expert(i) == id;
            }
        }
        float logSum = logSumExp(x);
        z += logSum * logSum;
    }
    if (lane() == 0) sequenceOf[warp()] = sequence;
    z = blockSum(lane() == 0 ? z : 0);
    if (threadIdx.x == 0) zPartial[blockIdx.x] = z;
    for (int w = 0; w < WARPS; w++) {
        if (sequenceOf[w] != sequenceOf[0]) {
            flush();
            return;
        }
    }
    // All of one sequence: the block's sums are added up here, and to those of other blocks once.
    for (int w = 0; w < WARPS; w++) {
        if (warp() == w) {
#pragma unroll
            for (int i = 0; i < P; i++) {
                if (there(i)) {
                    room[expert(i)][0] = probability[i] + (w == 0 ? 0 : room[expert(i)][0]);
                    room[expert(i)][1] = count[i] + (w == 0 ? 0 : room[expert(i)][1]);
                }
            }
        }
        __syncthreads();
    }
    for (int i = threadIdx.x; i < 2 * E; i += blockDim.x) if (room[i / 2][i % 2]) atomicAdd(sums + (i64) sequence * E * 2 + i, room[i / 2][i % 2]);
}

/** Adds what addStatistics left to counts and probabilities [S, E] and to zSum; the first block has the latter. */
extern "C" __global__ void __launch_bounds__(256) storeStatistics(const u64* sums, const float* zPartial, int blocks, int sequences, float* counts,
                                                                  i64 countStride, float* probabilities, i64 probabilityStride, float* zSum) {
    if (blockIdx.x == 0) {
        float z = 0;
        for (int b = threadIdx.x; b < blocks; b += blockDim.x) z += zPartial[b];
        z = blockSum(z);
        if (threadIdx.x == 0) zSum[0] += z;
        return;
    }
    i64 at = (i64) (blockIdx.x - 1) * blockDim.x + threadIdx.x;
    if (at >= (i64) sequences * E) return;
    i64 s = at / E, e = at - s * E;
    probabilities[s * probabilityStride + e] += (float) sums[2 * at] * (1 / FIXED);
    counts[s * countStride + e] += (float) sums[2 * at + 1];
}

// ---- Sinkhorn's iteration: no step waits for the host, so steps behind the last one find `done` and leave ----

/** ofExpert [E] = 1, done = 0 */
extern "C" __global__ void startSinkhorn(float* ofExpert, int* done) {
    for (int e = threadIdx.x; e < E; e += blockDim.x) ofExpert[e] = 1;
    if (threadIdx.x == 0) *done = 0;
}

/** ofToken [T] from ofExpert [E]; partial [blocks, E] = the new sums of a block's tokens. */
extern "C" __global__ void __launch_bounds__(32 * WARPS) balanceTokens(const float* logits, i64 stride, const float* ofExpert, float* ofToken,
                                                                       float* partial, const int* done, i64 tokens) {
    __shared__ float sums[E];
    if (*done) return;
    float sum[P] = {};
    for (i64 token = (i64) blockIdx.x * WARPS + warp(); token < tokens; token += (i64) gridDim.x * WARPS) {
        float x[P], of = 0;
        loadRow(logits + token * stride, x);
#pragma unroll
        for (int i = 0; i < P; i++) {
            x[i] = expf(x[i]);
            of += there(i) ? ofExpert[expert(i)] * x[i] : 0;
        }
        of = 1 / (tokens * (warpSum(of) + 1e-8f));
        if (lane() == 0) ofToken[token] = of;
#pragma unroll
        for (int i = 0; i < P; i++) sum[i] += of * x[i];
    }
    for (int w = 0; w < WARPS; w++) {
        if (warp() == w) {
#pragma unroll
            for (int i = 0; i < P; i++) if (there(i)) sums[expert(i)] = sum[i] + (w == 0 ? 0 : sums[expert(i)]);
        }
        __syncthreads();
    }
    for (int e = threadIdx.x; e < E; e += blockDim.x) partial[(i64) blockIdx.x * E + e] = sums[e];
}

/** ofExpert from the blocks' sums; done once the mean change is small. One block. */
extern "C" __global__ void __launch_bounds__(1024) balanceExperts(const float* partial, int blocks, float* ofExpert, int* done) {
    if (*done) return;
    float change = 0;
    for (int e = threadIdx.x; e < E; e += blockDim.x) {
        float sum = 0;
#pragma unroll 8
        for (int b = 0; b < blocks; b++) sum += partial[(i64) b * E + e];
        float next = 1 / (E * (sum + 1e-8f));
        change += fabsf(next - ofExpert[e]);
        ofExpert[e] = next;
    }
    change = blockSum(change);
    if (threadIdx.x == 0 && change / E <= 1e-4f) *done = 1;
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) balanced(const float* logits, i64 stride, const float* ofExpert, const float* ofToken,
                                                                  float* out, i64 outStride, i64 tokens) {
    i64 token = (i64) blockIdx.x * WARPS + warp();
    if (token >= tokens) return;
    float x[P];
    loadRow(logits + token * stride, x);
#pragma unroll
    for (int i = 0; i < P; i++) if (there(i)) out[token * outStride + expert(i)] = ofExpert[expert(i)] * expf(x[i]) * ofToken[token];
}
