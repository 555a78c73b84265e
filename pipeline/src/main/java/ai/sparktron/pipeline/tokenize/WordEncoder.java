package ai.sparktron.pipeline.tokenize;

import java.util.Arrays;

/**
 * One thread's BPE: takes words, collects ids. Words of at most 15 bytes are remembered ({@link WordCache}), so merges run only for words not
 * seen before and for long ones.
 */
final class WordEncoder {
    /** Above this many symbols the best pair is found by a heap instead of looking at all pairs; words of a megabyte exist. */
    private static final int HEAP_FROM = 160;
    /** Scratch arrays above this size are not kept between texts. */
    private static final int KEPT_LENGTH = 1 << 16;

    private final BpeModel model;
    private final WordCache cache = new WordCache();
    private int[] ids = new int[1024];
    private int count;
    private int[] symbols = new int[HEAP_FROM];
    private int[] ranks = new int[HEAP_FROM];

    WordEncoder(BpeModel model) {
        this.model = model;
    }

    /** Adds an id as it is. */
    void id(int id) {
        reserve(1);
        ids[count++] = id;
    }

    /**
     * Adds the ids of a word.
     *
     * @param text well-formed UTF-8, readable for {@link WordCache#PADDING} bytes after {@code end}
     */
    void word(byte[] text, int start, int end) {
        int length = end - start;
        reserve(length);
        if (length > WordCache.MAX_LENGTH) {
            merge(text, start, end);
            return;
        }
        long low = WordCache.low(text, start, length);
        long high = WordCache.high(text, start, length);
        int slot = cache.slotOf(low, high);
        if (cache.isFilled(slot)) {
            count = cache.copy(slot, ids, count);
            return;
        }
        int before = count;
        merge(text, start, end);
        cache.put(slot, low, high, ids, before, count);
    }

    /** The ids collected since the last call. */
    int[] take() {
        int[] taken = Arrays.copyOf(ids, count);
        count = 0;
        if (ids.length > KEPT_LENGTH) {
            ids = new int[1024];
        }
        if (symbols.length > KEPT_LENGTH) {
            symbols = new int[HEAP_FROM];
            ranks = new int[HEAP_FROM];
        }
        return taken;
    }

    private void reserve(int more) {
        if (ids.length - count < more) {
            ids = Arrays.copyOf(ids, Math.max(ids.length * 2, count + more));
        }
    }

    private void merge(byte[] text, int start, int end) {
        if (model.wholeWords() != null) {
            int whole = model.wholeWords().idOf(text, start, end);
            if (whole >= 0) {
                ids[count++] = whole;
                return;
            }
        }
        if (symbols.length < end - start) {
            symbols = new int[end - start];
            ranks = new int[end - start];
        }
        int length = model.symbols().fill(text, start, end, symbols);
        length = length < HEAP_FROM ? mergeByScan(length) : new HeapMerge(model.merges(), symbols, length).run();
        System.arraycopy(symbols, 0, ids, count, length);
        count += length;
    }

    /** Repeats: join the leftmost pair of lowest rank. Returns the number of symbols left. */
    private int mergeByScan(int length) {
        MergeTable merges = model.merges();
        int[] symbols = this.symbols;
        int[] ranks = this.ranks;
        int pairs = length - 1;
        for (int i = 0; i < pairs; i++) {
            ranks[i] = merges.rankOf(symbols[i], symbols[i + 1]);
        }
        while (pairs > 0) {
            int best = 0;
            int bestRank = ranks[0];
            for (int i = 1; i < pairs; i++) {
                if (ranks[i] < bestRank) {
                    bestRank = ranks[i];
                    best = i;
                }
            }
            if (bestRank == MergeTable.NO_RANK) {
                break;
            }
            symbols[best] = merges.mergedOf(bestRank);
            for (int i = best + 1; i < pairs; i++) {
                symbols[i] = symbols[i + 1];
                ranks[i - 1] = ranks[i];
            }
            pairs--;
            if (best > 0) {
                ranks[best - 1] = merges.rankOf(symbols[best - 1], symbols[best]);
            }
            if (best < pairs) {
                ranks[best] = merges.rankOf(symbols[best], symbols[best + 1]);
            }
        }
        return Math.min(length, pairs + 1);
    }
}
