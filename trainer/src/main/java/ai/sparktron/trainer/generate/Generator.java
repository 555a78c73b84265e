package ai.sparktron.trainer.generate;

import ai.sparktron.trainer.convert.LoadedModel;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.layer.HostTokens;
import ai.sparktron.trainer.layer.Pass;
import ai.sparktron.trainer.layer.SequenceCache;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Set;
import java.util.function.IntConsumer;

/**
 * Continues one conversation, token by token, with a cache of keys and values. What a prompt has in common with the tokens before (the earlier turns of a
 * conversation) is not computed again. One thread, the engine's.
 */
public final class Generator {

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

    private final LoadedModel loaded;
    private final int capacity;
    private final SequenceCache cache;
    private final Tensor logits;
    private final ByteBuffer logitBytes;
    private final float[] hostLogits;
    private final int[] held;

    /**
     * @param loaded   model opened for at least {@code capacity} tokens; stays the caller's
     * @param capacity longest sequence, prompt and answer, in tokens; the cache takes memory for it at once, from the model's frame, for as long as the
     *                 model is open
     */
    public Generator(LoadedModel loaded, int capacity) {
        this.loaded = loaded;
        this.capacity = capacity;
        Engine engine = loaded.engine();
        int vocabulary = loaded.config().vocabularySize();
        Arena.Frame frame = loaded.frame();
        DType dtype = loaded.parameters().value().dtype();
        this.cache = new SequenceCache(loaded.config(), engine, frame, capacity, dtype);
        this.logits = frame.tensor("logits", DType.F32, 1, vocabulary);
        this.logitBytes = ByteBuffer.allocateDirect(vocabulary * Float.BYTES).order(ByteOrder.nativeOrder());
        this.hostLogits = new float[vocabulary];
        this.held = new int[capacity];
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
        if (prompt.length == 0 || prompt.length >= capacity) {
            throw new IllegalArgumentException("prompt of " + prompt.length + " tokens: expected 1 to " + (capacity - 1)
                    + ", the context being " + capacity + " (max_length, or the model's max_position_embeddings)");
        }
        long began = System.nanoTime();
        Sampler sampler = new Sampler(sampling);
        sampler.see(prompt);
        int reused = reuse(prompt);
        feed(prompt, reused);
        double promptSeconds = (System.nanoTime() - began) * 1e-9;
        int[] ids = new int[Math.min(sampling.maxNewTokens(), capacity - prompt.length)];
        int count = 0;
        Ending ending = ids.length == sampling.maxNewTokens() ? Ending.LENGTH : Ending.CONTEXT;
        while (count < ids.length) {
            int id = sampler.pick(hostLogits);
            if (stopTokens.contains(id)) {
                ending = Ending.STOP_TOKEN;
                break;
            }
            ids[count++] = id;
            onToken.accept(id);
            if (count < ids.length) {
                feed(new int[] {id}, 0);
            }
        }
        return new Answer(Arrays.copyOf(ids, count), ending, prompt.length, reused, promptSeconds, (System.nanoTime() - began) * 1e-9);
    }

    /** Keeps of the cache what the prompt begins with; the last token of a prompt is always computed, for its logits. */
    private int reuse(int[] prompt) {
        int common = 0;
        while (common < cache.length() && common < prompt.length - 1 && held[common] == prompt[common]) {
            common++;
        }
        cache.truncate(common);
        return common;
    }

    /** Runs tokens from {@code from} on and reads the logits behind the last one. */
    private void feed(int[] ids, int from) {
        int[] fresh = Arrays.copyOfRange(ids, from, ids.length);
        HostTokens tokens = HostTokens.sequence(fresh, cache.length());
        try (Pass pass = loaded.model().begin(tokens, cache, loaded.microBatch(), loaded.scratch())) {
            loaded.model().logits(pass, fresh.length - 1, 1, logits);
        }
        System.arraycopy(fresh, 0, held, cache.length(), fresh.length);
        cache.advance(fresh.length);
        logitBytes.clear();
        loaded.engine().read(logits, logitBytes);
        logitBytes.rewind();
        logitBytes.asFloatBuffer().get(hostLogits);
    }

    /** Forgets the conversation. */
    public void forget() {
        cache.truncate(0);
    }
}
