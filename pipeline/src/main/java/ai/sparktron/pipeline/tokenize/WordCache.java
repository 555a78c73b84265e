package ai.sparktron.pipeline.tokenize;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Short words to their ids, for one thread. A word of at most 15 bytes and its length are the key itself (two longs), at most six ids of 21 bits
 * are the value (two longs), all beside each other in one array. The table doubles up to 2^18 entries (8 MB); when that is half full, further
 * words are not remembered.
 */
final class WordCache {
    static final int MAX_LENGTH = 15;
    /** Bytes after a word that must be readable. */
    static final int PADDING = 16;
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final int FIRST_BITS = 10;
    private static final int LAST_BITS = 18;
    private static final int MAX_IDS = 6;
    private static final int ID_BITS = 21;
    private static final long ID_MASK = (1L << ID_BITS) - 1;

    private int bits = FIRST_BITS;
    private long[] entries = new long[4 << FIRST_BITS];
    private int size;

    /** The word's first eight bytes. */
    static long low(byte[] text, int start, int length) {
        long bytes = (long) LONG.get(text, start);
        return length >= 8 ? bytes : bytes & (1L << 8 * length) - 1;
    }

    /** The word's further bytes and, in the highest byte, its length; never 0. */
    static long high(byte[] text, int start, int length) {
        long bytes = length > 8 ? (long) LONG.get(text, start + 8) & (1L << 8 * (length - 8)) - 1 : 0;
        return bytes | (long) length << 56;
    }

    /** Where the word is or would be. */
    int slotOf(long low, long high) {
        long[] entries = this.entries;
        int slot = firstSlot(low, high, bits);
        while (entries[slot + 1] != 0 && (entries[slot + 1] != high || entries[slot] != low)) {
            slot = slot + 4 & entries.length - 1;
        }
        return slot;
    }

    boolean isFilled(int slot) {
        return entries[slot + 1] != 0;
    }

    /** Appends the ids of a filled slot; returns the new count. */
    int copy(int slot, int[] ids, int count) {
        int at = count;
        long value = entries[slot + 2];
        ids[at++] = (int) (value & ID_MASK) - 1;
        for (value >>>= ID_BITS; value != 0; value >>>= ID_BITS) {
            ids[at++] = (int) (value & ID_MASK) - 1;
        }
        for (value = entries[slot + 3]; value != 0; value >>>= ID_BITS) {
            ids[at++] = (int) (value & ID_MASK) - 1;
        }
        return at;
    }

    /** Remembers a word, if there is room and it has one to six ids. */
    void put(int slot, long low, long high, int[] ids, int from, int to) {
        if (to - from > MAX_IDS || to == from || 2 * size >= 1 << bits) {
            return;
        }
        long first = 0;
        long second = 0;
        for (int i = Math.min(to, from + 3) - 1; i >= from; i--) {
            first = first << ID_BITS | ids[i] + 1;
        }
        for (int i = to - 1; i >= from + 3; i--) {
            second = second << ID_BITS | ids[i] + 1;
        }
        entries[slot] = low;
        entries[slot + 1] = high;
        entries[slot + 2] = first;
        entries[slot + 3] = second;
        size++;
        if (2 * size >= 1 << bits && bits < LAST_BITS) {
            grow();
        }
    }

    private void grow() {
        long[] old = entries;
        bits++;
        entries = new long[4 << bits];
        for (int from = 0; from < old.length; from += 4) {
            if (old[from + 1] != 0) {
                System.arraycopy(old, from, entries, slotOf(old[from], old[from + 1]), 4);
            }
        }
    }

    private static int firstSlot(long low, long high, int bits) {
        long hash = (low ^ high * 0x9E3779B97F4A7C15L) * 0xD6E8FEB86659FD93L;
        hash ^= hash >>> 32;
        return (int) (hash * 0x9E3779B97F4A7C15L >>> 64 - bits) << 2;
    }
}
