package ai.sparktron.trainer.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SamplerTest {

    private static final float[] LOGITS = {0f, 2f, 1f, -1f};

    private static int[] counts(Sampling template, int draws) {
        int[] counts = new int[LOGITS.length];
        for (int seed = 0; seed < draws; seed++) {
            Sampling sampling = new Sampling(template.temperature(), template.topP(), template.topK(), template.repetitionPenalty(), 1, seed);
            counts[new Sampler(sampling).pick(LOGITS.clone())]++;
        }
        return counts;
    }

    @Test
    void greedyTakesTheLikeliest() {
        assertEquals(1, new Sampler(Sampling.greedy(1)).pick(LOGITS.clone()));
    }

    @Test
    void drawsByProbability() {
        int draws = 20_000;
        int[] counts = counts(new Sampling(0.7, 1, 0, 1, 1, 0), draws);
        double sum = 0;
        for (float logit : LOGITS) {
            sum += Math.exp(logit / 0.7);
        }
        for (int id = 0; id < LOGITS.length; id++) {
            double expected = Math.exp(LOGITS[id] / 0.7) / sum;
            double deviation = Math.sqrt(expected * (1 - expected) / draws);
            assertEquals(expected, counts[id] / (double) draws, 5 * deviation, "token " + id);
        }
    }

    @Test
    void keepsTopKAndTopP() {
        int[] topK = counts(new Sampling(5, 1, 2, 1, 1, 0), 2000);
        assertTrue(topK[1] > 0 && topK[2] > 0 && topK[0] == 0 && topK[3] == 0);
        int[] topP = counts(new Sampling(1, 0.6, 0, 1, 1, 0), 2000); // the likeliest alone has 0.64
        assertEquals(2000, topP[1]);
    }

    /** What is kept without sorting all is what sorting all begins with. */
    @Test
    void theLikeliestWithoutSortingAll() {
        Random random = new Random(5);
        float[] logits = new float[3000];
        for (int id = 0; id < logits.length; id++) {
            logits[id] = random.nextInt(7) == 0 ? random.nextInt(5) : (float) random.nextGaussian() * 3;
        }
        logits[17] = Float.NEGATIVE_INFINITY;
        long[] sorted = Sampler.descending(logits, logits.length);
        for (int kept : new int[] {1, 2, 50, 256}) {
            assertArrayEquals(Arrays.copyOf(sorted, kept), Sampler.descending(logits, kept), kept + " kept");
        }
        for (int i = 1; i < sorted.length; i++) {
            float before = logits[(int) sorted[i - 1]];
            float here = logits[(int) sorted[i]];
            assertTrue(before > here || before == here && (int) sorted[i - 1] < (int) sorted[i], "place " + i);
        }
    }

    @Test
    void penalisesTheContext() {
        Sampler sampler = new Sampler(new Sampling(0, 1, 0, 3, 1, 0));
        sampler.see(1, 3);
        assertEquals(2, sampler.pick(LOGITS.clone()), "2/3 < 1");
        assertEquals(1, sampler.pick(LOGITS.clone()), "now token 2 is in the context as well: 1/3 < 2/3");
    }

    @Test
    void refusesNaN() {
        assertThrows(IllegalStateException.class, () -> new Sampler(Sampling.greedy(1)).pick(new float[] {0, Float.NaN}));
    }
}
