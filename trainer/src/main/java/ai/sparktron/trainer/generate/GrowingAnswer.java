package ai.sparktron.trainer.generate;

import java.util.Arrays;
import java.util.Set;
import java.util.function.IntConsumer;

/** The tokens of an answer as they come, until it ends. */
final class GrowingAnswer {

    private final int[] ids;
    private final int promptTokens;
    private final int reusedTokens;
    private final Sampling sampling;
    private final Set<Integer> stopTokens;
    private final IntConsumer onToken;
    private final long began;
    private final double promptSeconds;
    private int count;
    private boolean stopped;

    /**
     * An answer whose prompt was just computed.
     *
     * @param capacity     longest sequence, prompt and answer
     * @param reusedTokens of the prompt, not computed again
     * @param began        when the prompt came, by {@link System#nanoTime}
     */
    GrowingAnswer(int promptTokens, int reusedTokens, int capacity, Sampling sampling, Set<Integer> stopTokens, IntConsumer onToken, long began) {
        this.ids = new int[Math.min(sampling.maxNewTokens(), capacity - promptTokens)];
        this.promptTokens = promptTokens;
        this.reusedTokens = reusedTokens;
        this.sampling = sampling;
        this.stopTokens = stopTokens;
        this.onToken = onToken;
        this.began = began;
        this.promptSeconds = secondsSince(began);
    }

    private static double secondsSince(long began) {
        return (System.nanoTime() - began) * 1e-9;
    }

    /** Takes the next token. @return whether another one is wanted */
    boolean add(int id) {
        if (stopTokens.contains(id)) {
            stopped = true;
            return false;
        }
        ids[count++] = id;
        onToken.accept(id);
        return count < ids.length;
    }

    /** Most tokens that it can have. */
    int limit() {
        return ids.length;
    }

    int count() {
        return count;
    }

    int id(int index) {
        return ids[index];
    }

    int last() {
        return ids[count - 1];
    }

    Generator.Answer finished() {
        Generator.Ending ending = stopped ? Generator.Ending.STOP_TOKEN : ids.length == sampling.maxNewTokens() ? Generator.Ending.LENGTH : Generator.Ending.CONTEXT;
        return new Generator.Answer(Arrays.copyOf(ids, count), ending, promptTokens, reusedTokens, promptSeconds, secondsSince(began));
    }
}
