// Which tile of which expert a block has, read from the experts' offsets on the device: how many rows go to whom is never known to the host. Blocks go through the
// tiles in steps of the grid; an expert's tiles are neighbours, those of one row of them first, so that what they share is read from the cache.

/** Tiles of experts' rows, `height` high; before [experts + 1] in shared memory: tiles before those of each expert. */
struct SegmentTiles {
    const int* offsets;
    const int* before;
    int experts, columns;

    /** All threads of the block call. */
    FORCE SegmentTiles(const int* offsets, int experts, int height, int columns, int* before)
        : offsets(offsets), before(before), experts(experts), columns(columns) {
        if (threadIdx.x < 32) {
            int total = 0;
            for (int start = 0; start < experts; start += 32) {
                int e = start + threadIdx.x, own = e < experts ? (offsets[e + 1] - offsets[e] + height - 1) / height : 0, sum = own;
#pragma unroll
                for (int distance = 1; distance < 32; distance *= 2) {
                    int other = __shfl_up_sync(ALL, sum, distance);
                    if (threadIdx.x >= distance) sum += other;
                }
                if (e < experts) before[e] = total + sum - own;
                total += __shfl_sync(ALL, sum, 31);
            }
            if (threadIdx.x == 0) before[experts] = total;
        }
        __syncthreads();
    }

    FORCE int count() const { return before[experts] * columns; }

    /** Expert, row of tiles in its segment, column of tiles. */
    FORCE void find(int tile, int& expert, int& row, int& column) const {
        int wanted = tile / columns, low = 0, high = experts - 1;
        while (low < high) {  // the last expert whose tiles begin at or before the wanted one
            int middle = (low + high + 1) / 2;
            if (before[middle] <= wanted) low = middle;
            else high = middle - 1;
        }
        expert = low;
        row = wanted - before[low];
        column = tile - wanted * columns;
    }
};
