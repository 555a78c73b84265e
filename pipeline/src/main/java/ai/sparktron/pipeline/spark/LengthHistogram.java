package ai.sparktron.pipeline.spark;

import java.io.Serializable;
import java.util.Locale;

/** Sample lengths in tokens, counted in ranges that double: 1, 2-3, 4-7 and so on. */
public final class LengthHistogram implements Serializable {

    private static final long serialVersionUID = 1L;
    private static final int BAR_WIDTH = 40;

    private final long[] counts = new long[32];
    private long longest;

    void add(int length) {
        counts[31 - Integer.numberOfLeadingZeros(Math.max(1, length))]++;
        longest = Math.max(longest, length);
    }

    void add(LengthHistogram other) {
        for (int i = 0; i < counts.length; i++) {
            counts[i] += other.counts[i];
        }
        longest = Math.max(longest, other.longest);
    }

    /** Samples whose length is in {@code [2^bit, 2^(bit+1))}. */
    public long count(int bit) {
        return counts[bit];
    }

    /** Tokens of the longest sample. */
    public long longest() {
        return longest;
    }

    /** One line per range that is not empty, with a bar. */
    @Override
    public String toString() {
        long most = 1;
        for (long count : counts) {
            most = Math.max(most, count);
        }
        StringBuilder text = new StringBuilder();
        for (int bit = 0; bit < counts.length; bit++) {
            if (counts[bit] > 0) {
                int bar = (int) Math.max(1, Math.round((double) BAR_WIDTH * counts[bit] / most));
                text.append(String.format(Locale.ROOT, "  %8d - %-8d %,12d %s%n", 1L << bit, Math.min(longest, (2L << bit) - 1), counts[bit], "#".repeat(bar)));
            }
        }
        return text.toString();
    }
}
