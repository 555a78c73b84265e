package ai.sparktron.trainer.convert;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.layer.HostTokens;
import ai.sparktron.trainer.layer.Pass;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/**
 * {@code --test_convert_precision}: runs the same tokens through the model before and after a conversion, in float32, one model in memory at a time, and prints how
 * far their parameters and logits are apart, of models of rewards the rewards.
 */
public final class PrecisionTest {

    /** Largest mean absolute difference of logits that passes: the seed's advice is 0.1; a conversion that only rounds to bfloat16 stays far below. */
    public static final double MEAN_DIFFERENCE_BOUND = 0.1;

    private static final int PIECE = 1 << 20;

    private final Engine engine;

    /** @param engine one that computes in float32 */
    public PrecisionTest(Engine engine) {
        this.engine = engine;
    }

    /** Figures of one model. */
    private record Side(long tensors, double absoluteSum, long zeroTensors, float[][] logits) {
    }

    /**
     * What was found.
     *
     * @param meanDifference     mean of |difference| over all logits
     * @param maxDifference      largest |difference|
     * @param differentTokens    positions at which the most probable token differs
     * @param tokens             positions
     * @param sameParameterCount whether both have as many tensors, and as many that are all zero
     */
    public record Result(double meanDifference, double maxDifference, int differentTokens, int tokens, boolean sameParameterCount) {
        /** Whether the bound holds. */
        public boolean passed() {
            return meanDifference <= MEAN_DIFFERENCE_BOUND && sameParameterCount;
        }
    }

    /**
     * Compares two Hugging Face directories.
     *
     * @param tokenIds a conversation, encoded
     * @param out      gets the figures of section 9 by the seed's names
     */
    public Result compare(Path before, Path after, int[] tokenIds, PrintStream out) throws IOException {
        return compare(before, Optional.empty(), after, tokenIds, out);
    }

    /** As the other. @param adapter of the model before, which is in the weights after */
    public Result compare(Path before, Optional<Path> adapter, Path after, int[] tokenIds, PrintStream out) throws IOException {
        Side first = side(before, adapter, tokenIds);
        Side second = side(after, Optional.empty(), tokenIds);
        if (first.logits()[0].length != second.logits()[0].length) {
            throw new IllegalArgumentException("numbers of a token: " + first.logits()[0].length + " in " + before + " but " + second.logits()[0].length + " in " + after);
        }
        print(before, first, out);
        print(after, second, out);
        double[] tokenMeans = new double[tokenIds.length];
        double max = 0;
        int different = 0;
        int[] best = new int[tokenIds.length];
        int[] otherBest = new int[tokenIds.length];
        for (int t = 0; t < tokenIds.length; t++) {
            float[] a = first.logits()[t];
            float[] b = second.logits()[t];
            for (int v = 0; v < a.length; v++) {
                double difference = Math.abs((double) a[v] - b[v]);
                tokenMeans[t] += difference / a.length;
                max = Math.max(max, difference);
            }
            best[t] = largest(a);
            otherBest[t] = largest(b);
            different += best[t] == otherBest[t] ? 0 : 1;
        }
        double mean = Arrays.stream(tokenMeans).average().orElse(0);
        boolean sameCounts = first.tensors() == second.tensors() && first.zeroTensors() == second.zeroTensors();
        Result result = new Result(mean, max, different, tokenIds.length, sameCounts);
        out.println("token_mean_diff: " + Arrays.toString(tokenMeans));
        out.printf("mean_diff: %.6g, max_diff: %.6g (bound: mean_diff <= %s)%n", mean, max, MEAN_DIFFERENCE_BOUND);
        if (first.logits()[0].length > 1) {
            out.println("tokens before: " + Arrays.toString(best));
            out.println("tokens after:  " + Arrays.toString(otherBest));
            out.println("token_diff: " + different + " of " + tokenIds.length);
        }
        out.println("test_convert_precision: " + (result.passed() ? "passed" : "FAILED"));
        return result;
    }

    private static void print(Path directory, Side side, PrintStream out) {
        out.printf("%s: n_parameter: %d, total_sum: %.9g, zero_count: %d%n", directory, side.tensors(), side.absoluteSum(), side.zeroTensors());
    }

    private static int largest(float[] values) {
        int best = 0;
        for (int i = 1; i < values.length; i++) {
            if (values[i] > values[best]) {
                best = i;
            }
        }
        return best;
    }

    private Side side(Path directory, Optional<Path> adapter, int[] tokenIds) throws IOException {
        LoadedModel.Settings plain = LoadedModel.Settings.of(tokenIds.length);
        LoadedModel.Settings settings = adapter.map(folder -> plain.with(folder, LoadedModel.Settings.AdapterUse.BESIDE)).orElse(plain);
        try (LoadedModel loaded = LoadedModel.open(engine, directory, DType.F32, Parameters.Use.INFER, settings)) {
            LocalWeights weights = LocalWeights.values(loaded.parameters(), engine);
            long tensors = 0;
            long zeros = 0;
            double sum = 0;
            for (ParameterSpec parameter : DecoderSpecs.of(loaded.config())) {
                for (TensorSpec tensor : parameter.parts()) {
                    double own = absoluteSum(tensor, weights);
                    tensors++;
                    zeros += own == 0 ? 1 : 0;
                    sum += own;
                }
            }
            return new Side(tensors, sum, zeros, logits(loaded, tokenIds));
        }
    }

    private static double absoluteSum(TensorSpec tensor, LocalWeights weights) {
        double sum = 0;
        for (long done = 0; done < tensor.elements(); done += PIECE) {
            for (float value : weights.read(tensor, done, (int) Math.min(PIECE, tensor.elements() - done))) {
                sum += Math.abs(value);
            }
        }
        return sum;
    }

    /** [tokens][V], of a model of rewards [tokens][1]. */
    private float[][] logits(LoadedModel loaded, int[] tokenIds) {
        int width = loaded.config().scores() ? 1 : loaded.config().vocabularySize();
        ByteBuffer bytes = ByteBuffer.allocateDirect(Math.multiplyExact(tokenIds.length * Float.BYTES, width)).order(ByteOrder.nativeOrder());
        try (Arena.Frame frame = loaded.scratch().open("logits");
                Pass pass = loaded.model().begin(HostTokens.sequence(tokenIds, 0), null, loaded.microBatch(), loaded.scratch())) {
            Tensor logits = frame.tensor("logits", DType.F32, tokenIds.length, width);
            loaded.model().logits(pass, 0, tokenIds.length, logits);
            engine.read(logits, bytes);
        }
        bytes.position(0).limit(bytes.capacity());
        float[][] rows = new float[tokenIds.length][width];
        for (float[] row : rows) {
            bytes.asFloatBuffer().get(row);
            bytes.position(bytes.position() + width * Float.BYTES);
        }
        return rows;
    }
}
