package ai.sparktron.pipeline.tokenize;

import java.util.Arrays;

/**
 * The merges of a BPE: (left id, right id) to rank, lowest first, and rank to merged id. One long per entry, 21 bits per id and 22 for the rank, in
 * one open-addressed array: a look-up is mostly one cache line. Immutable after the last {@link #put}.
 */
final class MergeTable {
    static final int NO_RANK = Integer.MAX_VALUE;
    /** Ids and ranks above these do not fit an entry. */
    static final int MAX_IDS = (1 << 21) - 1;
    static final int MAX_MERGES = (1 << 22) - 1;
    private static final long EMPTY = -1;

    private final long[] entries;
    private final int shift;
    private final int[] mergedOf;

    MergeTable(int merges) {
        int capacityBits = Math.max(4, 33 - Integer.numberOfLeadingZeros(Math.max(1, merges)));
        entries = new long[1 << capacityBits];
        Arrays.fill(entries, EMPTY);
        shift = 64 - capacityBits;
        mergedOf = new int[merges];
    }

    /** A later entry of the same pair replaces the earlier. */
    void put(int left, int right, int rank, int merged) {
        long key = (long) left << 21 | right;
        int slot = slotOf(key);
        while (entries[slot] != EMPTY && entries[slot] >>> 22 != key) {
            slot = slot + 1 & entries.length - 1;
        }
        entries[slot] = key << 22 | rank;
        mergedOf[rank] = merged;
    }

    /** The rank of the pair or {@link #NO_RANK}. */
    int rankOf(int left, int right) {
        long key = (long) left << 21 | right;
        int slot = slotOf(key);
        while (true) {
            long entry = entries[slot];
            if (entry >>> 22 == key) {
                return (int) entry & MAX_MERGES;
            }
            if (entry == EMPTY) {
                return NO_RANK;
            }
            slot = slot + 1 & entries.length - 1;
        }
    }

    int mergedOf(int rank) {
        return mergedOf[rank];
    }

    private int slotOf(long key) {
        return (int) (key * 0x9E3779B97F4A7C15L >>> shift);
    }
}
