package ai.sparktron.trainer.generate;

import ai.sparktron.trainer.convert.LoadedModel;
import ai.sparktron.trainer.generate.TokenStep.Outcome;
import ai.sparktron.trainer.kernels.Readback;
import ai.sparktron.trainer.layer.BatchCache;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Set;
import java.util.function.IntConsumer;

/**
 * Continues one conversation, token by token, with a cache of keys and values. What a prompt has in common with the tokens before (the earlier turns of a
 * conversation) is not computed again. Where the likeliest token is always taken, the engine takes it, and the host reads it while the next step runs. One thread, the engine's.
 */
public final class Generator implements AutoCloseable {

    /** Why a continuation ended. */
    public enum Ending {
        /** One of the stop tokens was picked; it is not part of the answer. */
        STOP_TOKEN,
        /** {@code max_new_tokens} were made. */
        LENGTH,
        /** The model's longest sequence is reached. */
        CONTEXT
    }

    /**
     * A continuation.
     *
     * @param ids           the new tokens, without a stop token
     * @param ending        why it ended
     * @param promptTokens  tokens of the prompt
     * @param reusedTokens  tokens of the prompt that the cache held already
     * @param promptSeconds time until the first token
     * @param seconds       whole time
     */
    public record Answer(int[] ids, Ending ending, int promptTokens, int reusedTokens, double promptSeconds, double seconds) {
    }

    private final int capacity;
    private final Sequence sequence;
    private final TokenStep step;
    private final HostLogits logits;

    /**
     * @param loaded   model opened for at least {@code capacity} tokens; stays the caller's
     * @param capacity longest sequence, prompt and answer, in tokens; the cache takes memory for it at once, from the model's frame, for as long as the
     *                 model is open
     */
    public Generator(LoadedModel loaded, int capacity) {
        this.capacity = capacity;
        BatchCache cache = new BatchCache(loaded.config(), loaded.engine(), loaded.frame(), 1, capacity, loaded.parameters().value().dtype());
        this.sequence = new Sequence(loaded, cache.of(0), capacity);
        this.step = new TokenStep(loaded, cache, 1, capacity);
        this.logits = new HostLogits(loaded.engine(), loaded.config().vocabularySize());
    }

    /**
     * Continues a prompt.
     *
     * @param prompt     ids of the whole conversation so far
     * @param sampling   how tokens are picked
     * @param stopTokens ids that end the answer
     * @param onToken    gets each new id as it is picked
     * @throws IllegalArgumentException when the prompt alone fills the context
     */
    public Answer generate(int[] prompt, Sampling sampling, Set<Integer> stopTokens, IntConsumer onToken) {
        long began = System.nanoTime();
        Sampler sampler = new Sampler(sampling);
        sampler.see(prompt);
        int reused = sequence.take(prompt, step.logits().rows(0, 1));
        int first = sampler.pick(logits.read(step.logits(), 0));
        GrowingAnswer answer = new GrowingAnswer(prompt.length, reused, capacity, sampling, stopTokens, onToken, began);
        if (answer.add(first)) {
            if (sampling.isLikeliest()) {
                takeLikeliest(answer);
            } else {
                draw(answer, sampler);
            }
        }
        return answer.finished();
    }

    private void draw(GrowingAnswer answer, Sampler sampler) {
        int id;
        do {
            int last = answer.last();
            step.run(new int[] {sequence.length()}, new int[] {last}, Outcome.LOGITS);
            sequence.add(last);
            id = sampler.pick(logits.read(step.logits(), 0));
        } while (answer.add(id));
    }

    /** Step n makes token n + 1 of token n. Where reading takes time, one step is ahead of what the host knows; what it adds behind a stop token is not told to the sequence. */
    private void takeLikeliest(GrowingAnswer answer) {
        int begin = sequence.length();
        int ahead = 1;
        int steps = 0;
        Deque<Readback> coming = new ArrayDeque<>();
        try {
            int id;
            do {
                while (steps < Math.min(answer.limit() - 1, answer.count() + ahead)) {
                    step.run(new int[] {begin + steps}, steps == 0 ? new int[] {answer.id(0)} : null, Outcome.LIKELIEST);
                    coming.add(step.likeliest());
                    steps++;
                    ahead = coming.peek().isImmediate() ? 0 : 1;
                }
                id = Sampler.known(coming.poll().await().getInt(0));
            } while (answer.add(id));
        } finally {
            coming.forEach(Readback::await);
        }
        for (int n = 0; n < Math.min(steps, answer.count()); n++) {
            sequence.add(answer.id(n));
        }
    }

    /** Forgets the conversation. */
    public void forget() {
        sequence.forget();
    }

    /** Frees what belongs to steps; the cache stays the model's. */
    @Override
    public void close() {
        step.close();
    }
}
