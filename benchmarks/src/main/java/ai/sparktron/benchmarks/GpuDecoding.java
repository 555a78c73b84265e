package ai.sparktron.benchmarks;

import ai.sparktron.trainer.convert.LoadedModel;
import ai.sparktron.trainer.generate.BatchGenerator;
import ai.sparktron.trainer.generate.Generator;
import ai.sparktron.trainer.generate.Sampling;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.cuda.CudaEngine;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.tensor.DType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.IntFunction;

/**
 * Tokens per second of generation on one GPU, as {@code infer} makes it, with the kernels of a token recorded and enqueued one by one: random weights, random prompts, the
 * likeliest token always. {@code peer/decoding_torch.py} does the same with transformers.
 *
 * <p>{@code GpuDecoding MODEL [batch=N] [prompt=TOKENS] [tokens=TOKENS]}: MODEL a folder of {@code models/}, as many answers at a time of so many tokens each. The time of a
 * token is the difference of a long and a short answer over their lengths', so prompts do not count.
 */
public final class GpuDecoding {

    private static final int SHORT = 16;
    private static final int ROUNDS = 3;
    private static final long SEED = 1;

    private final Path model;
    private final int batch;
    private final int prompt;
    private final int tokens;

    private GpuDecoding(Path model, int batch, int prompt, int tokens) {
        this.model = model;
        this.batch = batch;
        this.prompt = prompt;
        this.tokens = tokens;
    }

    public static void main(String[] arguments) throws IOException {
        int[] numbers = {1, 128, 256};
        String[] names = {"batch=", "prompt=", "tokens="};
        for (int word = 1; word < arguments.length; word++) {
            boolean known = false;
            for (int i = 0; i < names.length; i++) {
                if (arguments[word].startsWith(names[i])) {
                    numbers[i] = Integer.parseInt(arguments[word].substring(names[i].length()));
                    known = true;
                }
            }
            if (!known) {
                throw new IllegalArgumentException(arguments[word] + ": expected batch=N, prompt=TOKENS or tokens=TOKENS");
            }
        }
        if (numbers[2] <= SHORT) {
            throw new IllegalArgumentException("tokens=" + numbers[2] + ": expected more than " + SHORT);
        }
        GpuDecoding decoding = new GpuDecoding(Path.of(arguments[0]), numbers[0], numbers[1], numbers[2]);
        int[] recorded = decoding.measure(true);
        int[] plain = decoding.measure(false);
        int same = 0;
        while (same < recorded.length && recorded[same] == plain[same]) {
            same++;
        }
        System.out.println(same == recorded.length ? "the same tokens with and without graphs" : "tokens differ from " + same + " on, with and without graphs");
    }

    /** @return the tokens of the first answer */
    private int[] measure(boolean graphs) throws IOException {
        int capacity = prompt + tokens + 1;
        try (Engine engine = CudaEngine.factory(CudaEngine.Settings.usual().withGraphs(graphs)).open(0);
                LoadedModel loaded = LoadedModel.random(engine, model, DType.BF16, Parameters.Use.INFER, LoadedModel.Settings.of(capacity), SEED)) {
            SplittableRandom random = new SplittableRandom(SEED);
            List<int[]> prompts = new ArrayList<>();
            for (int i = 0; i < batch; i++) {
                prompts.add(random.ints(prompt, 0, loaded.config().vocabularySize()).toArray());
            }
            if (batch == 1) {
                try (Generator generator = new Generator(loaded, capacity)) {
                    return report(graphs, count -> {
                        generator.forget();
                        return List.of(generator.generate(prompts.get(0), Sampling.greedy(count), Set.of(), id -> { }));
                    });
                }
            }
            try (BatchGenerator generator = new BatchGenerator(loaded, capacity, batch)) {
                return report(graphs, count -> generator.generate(prompts, Sampling.greedy(count), Set.of()));
            }
        }
    }

    private int[] report(boolean graphs, IntFunction<List<Generator.Answer>> answers) {
        int[] first = answers.apply(tokens).get(0).ids();
        double longest = seconds(answers, tokens);
        double shortest = seconds(answers, SHORT);
        double perToken = (longest - shortest) / (tokens - SHORT);
        System.out.printf(Locale.ROOT, "{\"ours\": \"%s\", \"batch\": %d, \"prompt\": %d, \"tokens\": %d, \"graphs\": %b, \"ms_a_step\": %.3f, \"tok_s\": %.1f}%n", model.getFileName(),
                batch, prompt, tokens, graphs, perToken * 1e3, batch / perToken);
        return first;
    }

    /** The shortest of some rounds: what is in the way makes it longer only. */
    private static double seconds(IntFunction<List<Generator.Answer>> answers, int count) {
        double shortest = Double.MAX_VALUE;
        for (int round = 0; round < ROUNDS; round++) {
            long began = System.nanoTime();
            answers.apply(count);
            shortest = Math.min(shortest, (System.nanoTime() - began) * 1e-9);
        }
        return shortest;
    }
}
