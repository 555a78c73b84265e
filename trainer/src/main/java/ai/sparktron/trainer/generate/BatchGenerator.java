package ai.sparktron.trainer.generate;

import ai.sparktron.trainer.convert.LoadedModel;
import ai.sparktron.trainer.generate.TokenStep.Outcome;
import ai.sparktron.trainer.layer.BatchCache;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Continues several prompts together, a token of each at a time: weights are read once for all of them. One thread, the engine's. */
public final class BatchGenerator implements AutoCloseable {

    /** What the engine can bring to the host beside a step. */
    public static final int MOST_SEQUENCES = 64;

    private final int capacity;
    private final TokenStep step;
    private final HostLogits logits;
    private final List<Place> places = new ArrayList<>();

    /** A sequence and the answer that grows there, null when it is free. */
    private static final class Place {
        private final Sequence sequence;
        private int index;
        private Sampler sampler;
        private GrowingAnswer answer;

        Place(Sequence sequence) {
            this.sequence = sequence;
        }
    }

    /**
     * @param loaded    model opened for at least {@code capacity} tokens; stays the caller's
     * @param capacity  longest sequence, prompt and answer, in tokens
     * @param sequences that are continued together, at most {@link #MOST_SEQUENCES}; their caches take memory at once, from the model's frame, for as long as the model is open
     */
    public BatchGenerator(LoadedModel loaded, int capacity, int sequences) {
        if (sequences < 1 || sequences > MOST_SEQUENCES) {
            throw new IllegalArgumentException("max_batch_size " + sequences + ": expected 1 to " + MOST_SEQUENCES);
        }
        this.capacity = capacity;
        BatchCache cache = new BatchCache(loaded.config(), loaded.engine(), loaded.frame(), sequences, capacity, loaded.parameters().value().dtype());
        this.step = new TokenStep(loaded, cache, sequences, capacity);
        this.logits = new HostLogits(loaded.engine(), loaded.config().vocabularySize());
        for (int sequence = 0; sequence < sequences; sequence++) {
            places.add(new Place(new Sequence(loaded, cache.of(sequence), capacity)));
        }
    }

    /**
     * Continues prompts; those for which there is no place wait for one. Each answer is what {@link Generator} gives of its prompt, up to rounding.
     *
     * @param prompts    ids of each
     * @param sampling   how tokens are picked
     * @param stopTokens ids that end an answer
     * @return the answers, in the order of the prompts
     */
    public List<Generator.Answer> generate(List<int[]> prompts, Sampling sampling, Set<Integer> stopTokens) {
        Generator.Answer[] answers = new Generator.Answer[prompts.size()];
        int next = 0;
        while (true) {
            boolean busy = false;
            for (Place place : places) {
                while (place.answer == null && next < answers.length) {
                    begin(place, next, prompts.get(next), sampling, stopTokens, answers);
                    next++;
                }
                busy |= place.answer != null;
            }
            if (!busy) {
                return List.of(answers);
            }
            stepAll(sampling, answers);
        }
    }

    private void begin(Place place, int index, int[] prompt, Sampling sampling, Set<Integer> stopTokens, Generator.Answer[] answers) {
        long began = System.nanoTime();
        place.index = index;
        place.sampler = new Sampler(sampling);
        place.sampler.see(prompt);
        int reused = place.sequence.take(prompt, step.logits().rows(0, 1));
        int first = place.sampler.pick(logits.read(step.logits(), 0));
        place.answer = new GrowingAnswer(prompt.length, reused, capacity, sampling, stopTokens, id -> { }, began);
        add(place, first, answers);
    }

    private static void add(Place place, int id, Generator.Answer[] answers) {
        if (!place.answer.add(id)) {
            answers[place.index] = place.answer.finished();
            place.answer = null;
        }
    }

    private void stepAll(Sampling sampling, Generator.Answer[] answers) {
        int[] at = new int[places.size()];
        int[] tokens = new int[places.size()];
        for (int i = 0; i < at.length; i++) {
            Place place = places.get(i);
            if (place.answer == null) {
                place.sequence.forget(); // The step writes a token there all the same.
            } else {
                at[i] = place.sequence.length();
                tokens[i] = place.answer.last();
            }
        }
        step.run(at, tokens, sampling.isLikeliest() ? Outcome.LIKELIEST : Outcome.LOGITS);
        IntBuffer likeliest = sampling.isLikeliest() ? step.likeliest().await().asIntBuffer() : null;
        for (int i = 0; i < at.length; i++) {
            Place place = places.get(i);
            if (place.answer != null) {
                place.sequence.add(tokens[i]);
                add(place, likeliest != null ? Sampler.known(likeliest.get(i)) : place.sampler.pick(logits.read(step.logits(), i)), answers);
            }
        }
    }

    /** Frees what belongs to steps; caches stay the model's. */
    @Override
    public void close() {
        step.close();
    }
}
