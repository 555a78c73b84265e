package ai.sparktron.pipeline.tokenize;

import java.util.Arrays;

/** BPE merges of one long word in O(n log n): symbols in a linked list, pairs in a heap by (rank, place). */
final class HeapMerge {
    private static final int GONE = -1;

    private final MergeTable merges;
    private final int[] symbols;
    private final int length;
    private final int[] next;
    private final int[] previous;
    /** Rank of the pair that starts at a place now; a heap entry with another rank is stale. */
    private final int[] rankAt;
    private long[] heap;
    private int heapSize;

    /** @param symbols is overwritten with the result by {@link #run} */
    HeapMerge(MergeTable merges, int[] symbols, int length) {
        this.merges = merges;
        this.symbols = symbols;
        this.length = length;
        next = new int[length];
        previous = new int[length];
        rankAt = new int[length];
        heap = new long[length + 16];
    }

    /** Returns the number of symbols left, which are the first of the array. */
    int run() {
        for (int i = 0; i < length; i++) {
            next[i] = i + 1;
            previous[i] = i - 1;
        }
        for (int i = 0; i < length; i++) {
            rank(i);
        }
        while (heapSize > 0) {
            long entry = pop();
            int place = (int) entry;
            if (rankAt[place] == (int) (entry >>> 32)) {
                join(place);
            }
        }
        int left = 0;
        for (int i = 0; i < length; i = next[i]) {
            symbols[left++] = symbols[i];
        }
        return left;
    }

    private void join(int place) {
        int gone = next[place];
        symbols[place] = merges.mergedOf(rankAt[place]);
        rankAt[gone] = GONE;
        next[place] = next[gone];
        if (next[gone] < length) {
            previous[next[gone]] = place;
        }
        rank(place);
        if (previous[place] >= 0) {
            rank(previous[place]);
        }
    }

    private void rank(int place) {
        int rank = next[place] < length ? merges.rankOf(symbols[place], symbols[next[place]]) : MergeTable.NO_RANK;
        rankAt[place] = rank;
        if (rank != MergeTable.NO_RANK) {
            push((long) rank << 32 | place);
        }
    }

    private void push(long entry) {
        if (heapSize == heap.length) {
            heap = Arrays.copyOf(heap, heapSize * 2);
        }
        int at = heapSize++;
        while (at > 0) {
            int parent = at - 1 >>> 1;
            if (heap[parent] <= entry) {
                break;
            }
            heap[at] = heap[parent];
            at = parent;
        }
        heap[at] = entry;
    }

    private long pop() {
        long top = heap[0];
        long last = heap[--heapSize];
        int at = 0;
        while (true) {
            int child = 2 * at + 1;
            if (child >= heapSize) {
                break;
            }
            if (child + 1 < heapSize && heap[child + 1] < heap[child]) {
                child++;
            }
            if (last <= heap[child]) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = last;
        return top;
    }
}
