package ai.sparktron.trainer.generate;

import java.util.Arrays;
import java.util.BitSet;
import java.util.SplittableRandom;

/**
 * Picks tokens from logits in the order Hugging Face's generation does: repetition penalty, temperature, top_k, top_p, draw. One sampler serves one
 * continuation; not thread-safe.
 */
public final class Sampler {

    /** More of the likeliest than this are found by sorting all: a logit among them moves half of them. */
    private static final int MOST_INSERTED = 256;

    private final Sampling sampling;
    private final SplittableRandom random;
    private final BitSet context = new BitSet();

    public Sampler(Sampling sampling) {
        this.sampling = sampling;
        this.random = new SplittableRandom(sampling.seed());
    }

    /** Tells the sampler of tokens of the context, for the repetition penalty. */
    public void see(int... ids) {
        for (int id : ids) {
            context.set(id);
        }
    }

    /**
     * Picks the next token and adds it to the context.
     *
     * @param logits one per entry of the vocabulary; changed
     * @throws IllegalStateException when a logit is NaN: the weights are damaged
     */
    public int pick(float[] logits) {
        for (int id = 0; id < logits.length; id++) {
            if (Float.isNaN(logits[id])) {
                throw damaged("the logit of token " + id);
            }
        }
        penalize(logits);
        int id = sampling.temperature() == 0 ? likeliest(logits) : draw(logits);
        context.set(id);
        return id;
    }

    /** A token that the engine picked, negative where logits were NaN. @throws IllegalStateException where they were */
    static int known(int id) {
        if (id < 0) {
            throw damaged("a logit");
        }
        return id;
    }

    private static IllegalStateException damaged(String what) {
        return new IllegalStateException(what + " is NaN: the model's weights are damaged, or its training diverged");
    }

    private void penalize(float[] logits) {
        if (sampling.repetitionPenalty() == 1) {
            return;
        }
        for (int id = context.nextSetBit(0); id >= 0 && id < logits.length; id = context.nextSetBit(id + 1)) {
            logits[id] *= (float) (logits[id] > 0 ? 1 / sampling.repetitionPenalty() : sampling.repetitionPenalty());
        }
    }

    private static int likeliest(float[] logits) {
        int best = 0;
        for (int id = 1; id < logits.length; id++) {
            if (logits[id] > logits[best]) {
                best = id;
            }
        }
        return best;
    }

    private int draw(float[] logits) {
        int kept = sampling.topK() > 0 ? Math.min(sampling.topK(), logits.length) : logits.length;
        long[] order = descending(logits, kept);
        double[] probability = new double[kept];
        double top = logits[(int) order[0]];
        double sum = 0;
        for (int i = 0; i < kept; i++) {
            probability[i] = Math.exp((logits[(int) order[i]] - top) / sampling.temperature());
            sum += probability[i];
        }
        int nucleus = nucleus(probability, sum);
        double mass = 0;
        for (int i = 0; i < nucleus; i++) {
            mass += probability[i];
        }
        double mark = random.nextDouble() * mass;
        for (int i = 0; i < nucleus; i++) {
            mark -= probability[i];
            if (mark < 0) {
                return (int) order[i];
            }
        }
        return (int) order[nucleus - 1];
    }

    /**
     * The {@code kept} likeliest ids from the likeliest down, the smaller id first among equals, in the low halves. Primitives, and no more is sorted than is kept: vocabularies
     * have 150,000 entries and this runs for every token.
     */
    static long[] descending(float[] logits, int kept) {
        if (kept > MOST_INSERTED) {
            long[] keys = new long[logits.length];
            for (int id = 0; id < keys.length; id++) {
                keys[id] = key(logits, id);
            }
            Arrays.sort(keys);
            return keys;
        }
        long[] best = new long[kept];
        int count = 0;
        for (int id = 0; id < logits.length; id++) {
            long key = key(logits, id);
            if (count == kept && key > best[kept - 1]) {
                continue;
            }
            int at = count < kept ? count++ : kept - 1;
            for (; at > 0 && best[at - 1] > key; at--) {
                best[at] = best[at - 1];
            }
            best[at] = key;
        }
        return best;
    }

    /** Ascends as logits descend; ids in the low half. */
    private static long key(float[] logits, int id) {
        int bits = Float.floatToIntBits(logits[id]);
        int ascending = bits ^ (bits >> 31) & 0x7FFFFFFF;
        return (long) ~ascending << 32 | id;
    }

    /** Number of likeliest tokens whose probability reaches top_p; at least one. */
    private int nucleus(double[] probability, double sum) {
        double reached = 0;
        for (int i = 0; i < probability.length; i++) {
            reached += probability[i] / sum;
            if (reached >= sampling.topP()) {
                return i + 1;
            }
        }
        return probability.length;
    }
}
