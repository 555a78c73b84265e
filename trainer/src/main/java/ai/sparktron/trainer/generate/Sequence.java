package ai.sparktron.trainer.generate;

import ai.sparktron.trainer.convert.LoadedModel;
import ai.sparktron.trainer.layer.HostTokens;
import ai.sparktron.trainer.layer.Pass;
import ai.sparktron.trainer.layer.SequenceCache;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.Arrays;

/** One sequence of a generator: which tokens its cache holds, and how a prompt gets there. */
final class Sequence {

    private final LoadedModel loaded;
    private final SequenceCache cache;
    private final int[] held;

    /** @param capacity of the cache, in tokens */
    Sequence(LoadedModel loaded, SequenceCache cache, int capacity) {
        this.loaded = loaded;
        this.cache = cache;
        this.held = new int[capacity];
    }

    /** Tokens held: the place of the next one. */
    int length() {
        return cache.length();
    }

    /**
     * Makes the cache hold a prompt. What it has in common with the tokens before is kept; the last token is always computed, for its logits.
     *
     * @param logits [1, V], takes those behind the last token
     * @return tokens that were kept
     */
    int take(int[] prompt, Tensor logits) {
        if (prompt.length == 0 || prompt.length >= held.length) {
            throw new IllegalArgumentException("prompt of " + prompt.length + " tokens: expected 1 to " + (held.length - 1)
                    + ", the context being " + held.length + " (max_length, or the model's max_position_embeddings)");
        }
        int common = 0;
        while (common < cache.length() && common < prompt.length - 1 && held[common] == prompt[common]) {
            common++;
        }
        cache.truncate(common);
        int count = prompt.length - common;
        int[] fresh = Arrays.copyOf(Arrays.copyOfRange(prompt, common, prompt.length), passTokens(common, count));
        HostTokens tokens = HostTokens.sequence(fresh, common);
        try (Pass pass = loaded.model().begin(tokens, cache, loaded.microBatch(), loaded.scratch())) {
            loaded.model().logits(pass, count - 1, 1, logits);
        }
        System.arraycopy(prompt, common, held, common, count);
        cache.advance(count);
        return common;
    }

    /**
     * Tokens of a pass: an eighth more at most, behind the prompt, where none of its tokens sees them and the answer's take their place. A GPU chooses kernels for each number
     * of tokens that it meets, which should not be as many as there are prompts. Not where positions are turned by the length of the whole.
     */
    private int passTokens(int common, int count) {
        int step = Math.max(1, Integer.highestOneBit(count) / 8);
        int rounded = Math.min((count + step - 1) / step * step, held.length - common);
        return loaded.model().repeats(common + rounded) ? rounded : count;
    }

    /** Tells that a step has added a token. */
    void add(int id) {
        held[cache.length()] = id;
        cache.advance(1);
    }

    /** Forgets all tokens. */
    void forget() {
        cache.truncate(0);
    }
}
