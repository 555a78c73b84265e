package ai.sparktron.trainer.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.convert.LoadedModel;
import ai.sparktron.trainer.generate.TokenStep.Outcome;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.layer.BatchCache;
import ai.sparktron.trainer.layer.HostTokens;
import ai.sparktron.trainer.layer.Pass;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import ai.sparktron.trainer.verify.CaseFolders;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What generation promises on an engine: steps with a cache give what whole sequences give, alone and together, recorded and not. */
abstract class GeneratorContract {

    /** Longer than a share of the cache that a block of a GPU has. */
    private static final int CAPACITY = 140;
    private static final Set<Integer> NO_STOP = Set.of();

    private Engine engine;
    private LoadedModel loaded;

    abstract Engine openEngine();

    /** Whether steps after the first ones are replayed. */
    abstract boolean records();

    private void open(String model) throws IOException {
        engine = openEngine();
        loaded = LoadedModel.open(engine, CaseFolders.ALL.resolve(model), DType.F32, Parameters.Use.INFER, LoadedModel.Settings.of(CAPACITY));
    }

    @AfterEach
    void close() {
        loaded.close();
        engine.close();
    }

    private int[] tokens(int count, int seed) {
        return new Random(seed).ints(count, 0, loaded.config().vocabularySize()).toArray();
    }

    /** Logits behind the last of some tokens, computed as a whole. */
    private float[] wholeLogits(int[] ids) {
        Tensor row = loaded.frame().tensor("whole", DType.F32, 1, loaded.config().vocabularySize());
        try (Pass pass = loaded.model().begin(HostTokens.sequence(ids, 0), 1, Pass.Mode.EVALUATE, loaded.microBatch(), loaded.scratch(), null)) {
            loaded.model().logits(pass, ids.length - 1, 1, row);
        }
        return new HostLogits(engine, loaded.config().vocabularySize()).read(row, 0);
    }

    @ParameterizedTest
    @ValueSource(strings = {"qwen2", "qwen3", "qwen3_moe", "deepseek_v3"})
    void stepsOfSeveralSequencesGiveTheLogitsOfTheWhole(String model) throws IOException {
        open(model);
        int[][] sequences = {tokens(75, 1), tokens(11, 2), tokens(69, 3)};
        int steps = 6;
        // Before the steps: choosing kernels for other numbers of tokens frees memory, after which a step is recorded anew.
        float[][][] whole = new float[sequences.length][steps][];
        for (int s = 0; s < sequences.length; s++) {
            for (int n = 0; n < steps; n++) {
                whole[s][n] = wholeLogits(Arrays.copyOf(sequences[s], sequences[s].length - steps + n + 1)).clone();
            }
        }
        BatchCache cache = new BatchCache(loaded.config(), engine, loaded.frame(), sequences.length, CAPACITY, DType.F32);
        try (TokenStep step = new TokenStep(loaded, cache, sequences.length, CAPACITY)) {
            int[] at = new int[sequences.length];
            int[] next = new int[sequences.length];
            for (int s = 0; s < at.length; s++) {
                at[s] = sequences[s].length - steps;
                new Sequence(loaded, cache.of(s), CAPACITY).take(Arrays.copyOf(sequences[s], at[s]), step.logits().rows(0, 1));
            }
            HostLogits host = new HostLogits(engine, loaded.config().vocabularySize());
            for (int n = 0; n < steps; n++) {
                for (int s = 0; s < at.length; s++) {
                    next[s] = sequences[s][at[s]];
                }
                step.run(at, next, Outcome.LOGITS);
                assertEquals(records() && n > 0, step.isRecorded(), "step " + n);
                for (int s = 0; s < at.length; s++) {
                    at[s]++;
                    float[] stepped = host.read(step.logits(), s).clone();
                    assertArrayEquals(whole[s][n], stepped, 1e-3f, model + ", sequence " + s + ", step " + n);
                }
            }
        }
    }

    @Test
    void theLikeliestTokensAreThoseOfTheWhole() throws IOException {
        open("qwen3");
        int[] prompt = tokens(9, 4);
        try (Generator generator = new Generator(loaded, CAPACITY)) {
            List<Integer> told = new ArrayList<>();
            Generator.Answer answer = generator.generate(prompt, Sampling.greedy(12), NO_STOP, told::add);
            assertEquals(Generator.Ending.LENGTH, answer.ending());
            assertEquals(12, answer.ids().length);
            assertArrayEquals(answer.ids(), told.stream().mapToInt(Integer::intValue).toArray());
            int[] all = Arrays.copyOf(prompt, prompt.length);
            for (int id : answer.ids()) {
                assertEquals(new Sampler(Sampling.greedy(1)).pick(wholeLogits(all)), id, "token " + (all.length - prompt.length));
                all = Arrays.copyOf(all, all.length + 1);
                all[all.length - 1] = id;
            }
        }
    }

    @Test
    void aConversationGoesOnFromWhatIsHeld() throws IOException {
        open("qwen2");
        int[] first = tokens(7, 5);
        try (Generator generator = new Generator(loaded, CAPACITY); Generator fresh = new Generator(loaded, CAPACITY)) {
            int[] answer = generator.generate(first, Sampling.greedy(8), NO_STOP, id -> { }).ids();
            int[] second = Arrays.copyOf(first, first.length + answer.length + 3);
            System.arraycopy(answer, 0, second, first.length, answer.length);
            Generator.Answer continued = generator.generate(second, Sampling.greedy(8), NO_STOP, id -> { });
            assertEquals(first.length + answer.length - 1, continued.reusedTokens(), "all but the answer's last token, which was never computed");
            assertArrayEquals(fresh.generate(second, Sampling.greedy(8), NO_STOP, id -> { }).ids(), continued.ids());
        }
    }

    @Test
    void stopTokensAndTheContextEndAnAnswer() throws IOException {
        open("qwen2");
        int[] prompt = tokens(7, 5);
        try (Generator generator = new Generator(loaded, CAPACITY)) {
            Sampling varied = new Sampling(1.5, 1, 0, 1, 20, 7);
            for (Sampling sampling : List.of(Sampling.greedy(20), varied)) {
                int[] free = generator.generate(prompt, sampling, NO_STOP, id -> { }).ids();
                int stop = free[free.length - 1];
                int length = 0;
                while (free[length] != stop) {
                    length++;
                }
                for (int time = 0; time < 2; time++) {
                    Generator.Answer stopped = generator.generate(prompt, sampling, Set.of(stop), id -> { });
                    assertEquals(Generator.Ending.STOP_TOKEN, stopped.ending());
                    assertArrayEquals(Arrays.copyOf(free, length), stopped.ids());
                }
            }
            int[] full = tokens(CAPACITY - 2, 6);
            Generator.Answer cut = generator.generate(full, Sampling.greedy(20), NO_STOP, id -> { });
            assertEquals(Generator.Ending.CONTEXT, cut.ending());
            assertEquals(2, cut.ids().length);
            assertThrows(IllegalArgumentException.class, () -> generator.generate(tokens(CAPACITY, 6), Sampling.greedy(1), NO_STOP, id -> { }));
        }
    }

    /** More prompts than places, of different lengths; some answers end early. */
    @Test
    void answersTogetherAreThoseOneByOne() throws IOException {
        open("qwen3");
        List<int[]> prompts = List.of(tokens(3, 10), tokens(70, 11), tokens(1, 12), tokens(17, 13), tokens(5, 14));
        for (Sampling sampling : List.of(Sampling.greedy(9), new Sampling(1.2, 0.9, 40, 1.1, 9, 3))) {
            try (Generator generator = new Generator(loaded, CAPACITY); BatchGenerator batch = new BatchGenerator(loaded, CAPACITY, 2)) {
                List<int[]> free = prompts.stream().map(prompt -> generator.generate(prompt, sampling, NO_STOP, id -> { }).ids()).toList();
                Set<Integer> stop = Set.of(free.get(0)[4]);
                List<Generator.Answer> together = batch.generate(prompts, sampling, stop);
                for (int i = 0; i < prompts.size(); i++) {
                    generator.forget();
                    assertArrayEquals(generator.generate(prompts.get(i), sampling, stop, id -> { }).ids(), together.get(i).ids(), "prompt " + i);
                }
                assertTrue(together.get(0).ids().length <= 4, "the first answer stops early");
            }
        }
    }
}
