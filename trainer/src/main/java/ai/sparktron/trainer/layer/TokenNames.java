package ai.sparktron.trainer.layer;

import java.util.ArrayList;
import java.util.List;

/**
 * Names of the tokens of a micro-batch for what is drawn at random: which sample of the training each belongs to, and where it stands in it. The same use of the
 * same token has the same name on every grid.
 *
 * @param runs neighbours of one sample, in the order of the tokens
 */
public record TokenNames(List<Run> runs) {

    /**
     * Tokens that are neighbours here and in their sample.
     *
     * @param from   first token in the micro-batch, or in the part of it that is here
     * @param tokens number of tokens
     * @param sample number of the sample among all uses of samples in the training
     * @param place  of the first token in its sample
     */
    public record Run(int from, int tokens, long sample, int place) {
    }

    /** The sample of tokens that belong to none, such as padding. */
    private static final long NO_SAMPLE = -1;
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;
    private static final int KEY_SHIFT = 40;

    public TokenNames {
        runs = List.copyOf(runs);
    }

    /** These and, up to so many tokens, names of tokens of no sample. */
    public TokenNames upTo(int tokens) {
        int named = tokens();
        if (named == tokens) {
            return this;
        }
        List<Run> more = new ArrayList<>(runs);
        more.add(new Run(named, tokens - named, NO_SAMPLE, 0));
        return new TokenNames(more);
    }

    /**
     * Names as whole numbers that float32 has, below 2^24, 0 without a name. Few tokens of a step share one, which then have the same left out; unlike names they
     * can be moved and sorted as tokens are.
     *
     * @param tokens how many
     */
    float[] keys(int tokens) {
        float[] keys = new float[tokens];
        for (Run run : runs) {
            for (int i = 0; i < run.tokens(); i++) {
                keys[run.from() + i] = key(run.sample() * GOLDEN + run.place() + i);
            }
        }
        return keys;
    }

    /** The upper bits of SplitMix64's mixing. */
    private static int key(long name) {
        long mixed = (name ^ name >>> 30) * 0xBF58476D1CE4E5B9L;
        mixed = (mixed ^ mixed >>> 27) * 0x94D049BB133111EBL;
        return (int) ((mixed ^ mixed >>> 31) >>> KEY_SHIFT);
    }

    /** Number of tokens that have names. */
    int tokens() {
        return runs.isEmpty() ? 0 : runs.get(runs.size() - 1).from() + runs.get(runs.size() - 1).tokens();
    }

    /** Names of some of the tokens. @param indices ascending */
    TokenNames pick(int[] indices) {
        List<Run> picked = new ArrayList<>();
        int next = 0;
        for (Run run : runs) {
            while (next < indices.length && indices[next] < run.from() + run.tokens()) {
                int begin = next;
                do {
                    next++;
                } while (next < indices.length && indices[next] == indices[next - 1] + 1 && indices[next] < run.from() + run.tokens());
                picked.add(new Run(begin, next - begin, run.sample(), run.place() + indices[begin] - run.from()));
            }
        }
        return new TokenNames(picked);
    }
}
