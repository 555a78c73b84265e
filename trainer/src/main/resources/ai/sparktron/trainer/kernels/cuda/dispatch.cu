// Slots (choices of experts by tokens) sorted by expert: counted by chunks, summed up over experts and chunks, then placed; and held to a capacity. All of it is a
// function of the ids alone: slots of an expert keep their order.

constexpr int CHUNK = 1024;             // slots of a block
constexpr int WARPS = CHUNK / 32;

/** Expert of a slot, counted from the first that is held here; `experts` where it goes to none of them. */
FORCE int expertOf(const int* ids, i64 stride, int chosen, int slot, int slots, int first, int experts) {
    if (slot >= slots) return experts;
    int token = slot / chosen, expert = ids[token * stride + slot - token * chosen] - first;
    return expert >= 0 && expert < experts ? expert : experts;
}

/** counts [experts, chunks] = slots of each chunk. Shared memory: [experts]. */
extern "C" __global__ void __launch_bounds__(CHUNK) countSlots(const int* ids, i64 stride, int chosen, int slots, int first, int experts, int* counts) {
    extern __shared__ int counted[];
    for (int e = threadIdx.x; e < experts; e += CHUNK) counted[e] = 0;
    __syncthreads();
    int expert = expertOf(ids, stride, chosen, blockIdx.x * CHUNK + threadIdx.x, slots, first, experts);
    if (expert < experts) atomicAdd(&counted[expert], 1);
    __syncthreads();
    for (int e = threadIdx.x; e < experts; e += CHUNK) counts[(i64) e * gridDim.x + blockIdx.x] = counted[e];
}

/** Each of the counts becomes the sum of those before it; offsets [experts + 1]. One block; chunks is a multiple of 4. */
extern "C" __global__ void __launch_bounds__(1024) sumCounts(int* counts, int chunks, int experts, int* offsets) {
    __shared__ int sums[32];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, packs = experts * (chunks / 4), before = 0;
    for (int start = 0; start < packs; start += 1024) {
        int at = start + threadIdx.x;
        Pack<int, 4> pack = {};
        if (at < packs) pack = load<4>(counts + 4 * (i64) at);
        int own = pack.at[0] + pack.at[1] + pack.at[2] + pack.at[3], sum = own;
#pragma unroll
        for (int distance = 1; distance < 32; distance *= 2) {
            int other = __shfl_up_sync(ALL, sum, distance);
            if (lane >= distance) sum += other;
        }
        __syncthreads();  // the sums of the round before may still be read
        if (lane == 31) sums[warp] = sum;
        __syncthreads();
        int ofWarps = sums[lane];
#pragma unroll
        for (int distance = 1; distance < 32; distance *= 2) {
            int other = __shfl_up_sync(ALL, ofWarps, distance);
            if (lane >= distance) ofWarps += other;
        }
        int total = __shfl_sync(ALL, ofWarps, 31), earlier = __shfl_sync(ALL, ofWarps, max(warp - 1, 0));
        int next = before + (warp == 0 ? 0 : earlier) + sum - own;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            int count = pack.at[i];
            pack.at[i] = next;
            next += count;
        }
        if (at < packs) store(counts + 4 * (i64) at, pack);
        before += total;
    }
    __syncthreads();
    for (int e = threadIdx.x; e < experts; e += 1024) offsets[e] = counts[(i64) e * chunks];
    if (threadIdx.x == 0) offsets[experts] = before;
}

/**
 * slotAt and tokenAt [rows] (the latter may be null), -1 where no slot is; places [T, chosen], -1 for slots that go to no expert held here. Shared memory:
 * [WARPS][experts].
 */
extern "C" __global__ void __launch_bounds__(CHUNK) placeSlots(const int* ids, i64 stride, int chosen, int slots, int first, int experts,
                                                               const int* counts, const int* offsets, int* slotAt, int* tokenAt, i64 rows,
                                                               int* places, i64 placeStride) {
    extern __shared__ int held[];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, slot = blockIdx.x * CHUNK + threadIdx.x;
    for (int i = threadIdx.x; i < WARPS * experts; i += CHUNK) held[i] = 0;
    __syncthreads();
    int expert = expertOf(ids, stride, chosen, slot, slots, first, experts);
    unsigned same = __match_any_sync(ALL, expert);
    int earlier = __popc(same & ((1u << lane) - 1));
    if (expert < experts && earlier == 0) held[warp * experts + expert] = __popc(same);
    __syncthreads();
    for (int e = threadIdx.x; e < experts; e += CHUNK) {
        int next = counts[(i64) e * gridDim.x + blockIdx.x];
        for (int w = 0; w < WARPS; w++) {
            int count = held[w * experts + e];
            held[w * experts + e] = next;
            next += count;
        }
    }
    __syncthreads();
    if (slot < slots) {
        int token = slot / chosen, place = expert < experts ? held[warp * experts + expert] + earlier : -1;
        places[token * placeStride + slot - token * chosen] = place;
        if (place >= 0 && place < rows) {
            slotAt[place] = slot;
            if (tokenAt) tokenAt[place] = token;
        }
    }
    for (i64 place = offsets[experts] + (i64) slot; place < rows; place += (i64) gridDim.x * CHUNK) {
        slotAt[place] = -1;
        if (tokenAt) tokenAt[place] = -1;
    }
}

/** kept [T, chosen] = ids of the first `capacity` slots of each expert, -1 of the others and of those without a place. May be the ids themselves. */
extern "C" __global__ void __launch_bounds__(256) keepFirst(const int* ids, i64 stride, int chosen, int slots, int capacity, const int* offsets,
                                                            const int* places, int* kept, i64 keptStride) {
    int slot = blockIdx.x * 256 + threadIdx.x;
    if (slot >= slots) return;
    int token = slot / chosen, column = slot - token * chosen, id = ids[token * stride + column], place = places[slot];
    kept[token * keptStride + column] = place >= 0 && place - offsets[id] < capacity ? id : -1;
}

/** Takes out of kept, where every slot with a place is, those that `capacity` others of their expert outweigh; of equal ones the first stays. A thread has a place. */
extern "C" __global__ void __launch_bounds__(256) keepHeaviest(const float* weights, i64 stride, int chosen, int capacity, int experts,
                                                               const int* offsets, const int* slotAt, int* kept, i64 keptStride) {
    int place = blockIdx.x * 256 + threadIdx.x;
    if (place >= offsets[experts]) return;
    int slot = slotAt[place], token = slot / chosen, column = slot - token * chosen, expert = kept[token * keptStride + column];
    float own = weights[token * stride + column];
    int heavier = 0;
    for (int other = offsets[expert]; other < offsets[expert + 1]; other++) {
        int s = slotAt[other], t = s / chosen;
        float weight = weights[t * stride + s - t * chosen];
        heavier += weight > own || weight == own && other < place;
    }
    if (heavier >= capacity) kept[token * keptStride + column] = -1;
}
