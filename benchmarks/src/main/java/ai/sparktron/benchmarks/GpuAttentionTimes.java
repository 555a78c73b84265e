package ai.sparktron.benchmarks;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.DeviceStreams;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.kernels.cuda.CudaEngine;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.Pointer;

/**
 * Causal attention and its gradient alone, as layers call them: q, k and v are columns of one projection, gradients of its gradient. {@code GpuAttentionTimes [NAME ...]}
 * prints a line of JSON for each case whose name begins so and each choice of kernels: milliseconds and TFLOP/s both ways (the gradient counted as 2.5 times the
 * forward pass), and how far its output and gradients are from those of our own kernels, as the norm of the difference over the norm.
 * {@code peer/attention_times.py} runs the same cases with PyTorch and prints the table.
 */
public final class GpuAttentionTimes {

    private static final int ROUNDS = 5;
    private static final double ROUND_MILLISECONDS = 60;
    private static final int MOST_CALLS = 50;

    private final Map<String, Engine> engines;
    private final Engine first;
    private final CUevent_st begin = new CUevent_st();
    private final CUevent_st end = new CUevent_st();

    /** Documents of a case, their lengths in tokens. */
    private record Case(String name, AttentionShape shape, int[] documents) {
        int tokens() {
            return Arrays.stream(documents).sum();
        }

        /** Of the forward pass: two products for each pair of query and key that see each other, counted as half a square. */
        double flops() {
            return Arrays.stream(documents).mapToDouble(n -> (double) n * n).sum() * shape.heads() * (shape.keySize() + shape.valueSize());
        }
    }

    private GpuAttentionTimes(Map<String, Engine> engines) {
        this.engines = engines;
        this.first = engines.values().iterator().next();
        check(cudart.cuEventCreate(begin, cudart.CU_EVENT_DEFAULT));
        check(cudart.cuEventCreate(end, cudart.CU_EVENT_DEFAULT));
    }

    public static void main(String[] names) {
        CudaEngine.Settings usual = CudaEngine.Settings.usual();
        try (Engine own = open(usual.with(CudaEngine.Attention.OWN)); Engine fastest = open(usual); Engine repeatable = open(usual.withDeterministic(true))) {
            System.out.println(own.description());
            Map<String, Engine> engines = new LinkedHashMap<>();
            engines.put("own", own);
            engines.put("fastest", fastest);
            engines.put("deterministic", repeatable);
            GpuAttentionTimes times = new GpuAttentionTimes(engines);
            for (Case each : cases()) {
                if (names.length == 0 || Arrays.stream(names).anyMatch(each.name()::startsWith)) {
                    times.run(each);
                }
            }
        }
    }

    private static Engine open(CudaEngine.Settings settings) {
        return CudaEngine.factory(settings).open(0);
    }

    private static List<Case> cases() {
        AttentionShape grouped = shape(16, 2, 128, 128);
        return List.of(new Case("4 x 4096", grouped, equal(4, 4096)), new Case("2 x 8192", grouped, equal(2, 8192)), new Case("1 x 32768", grouped, equal(1, 32_768)),
                new Case("packed 16384", grouped, mixed(16_384)), new Case("packed 16384, 16 key heads", shape(16, 16, 128, 128), mixed(16_384)),
                new Case("4 x 4096, 14 over 2 of 64", shape(14, 2, 64, 64), equal(4, 4096)), new Case("packed 16384, 14 over 2 of 64", shape(14, 2, 64, 64), mixed(16_384)),
                new Case("4 x 4096, latent 192 and 128", shape(16, 16, 192, 128), equal(4, 4096)),
                new Case("packed 16384, latent 192 and 128", shape(16, 16, 192, 128), mixed(16_384)));
    }

    private static AttentionShape shape(int heads, int kvHeads, int keySize, int valueSize) {
        return new AttentionShape(heads, kvHeads, keySize, valueSize, (float) (1 / Math.sqrt(keySize)));
    }

    private static int[] equal(int count, int length) {
        int[] documents = new int[count];
        Arrays.fill(documents, length);
        return documents;
    }

    /** Lengths as packing leaves them: log-normal, median 400, at most 4096, the last one cut. */
    private static int[] mixed(int tokens) {
        SplittableRandom random = new SplittableRandom(7);
        List<Integer> lengths = new ArrayList<>();
        int rest = tokens;
        while (rest > 0) {
            double gaussian = 0;
            for (int i = 0; i < 12; i++) {
                gaussian += random.nextDouble();
            }
            int length = Math.min(rest, (int) Math.min(4096, Math.max(8, 400 * Math.exp(1.2 * (gaussian - 6)))));
            lengths.add(length);
            rest -= length;
        }
        return lengths.stream().mapToInt(Integer::intValue).toArray();
    }

    /** What a case's calls read, and what one choice of kernels writes. */
    private record Operands(Tensor q, Tensor k, Tensor v, Tensor dOut, Tensor out, Tensor sums, Tensor dq, Tensor dk, Tensor dv) {
    }

    private void run(Case given) {
        AttentionShape shape = given.shape();
        int queries = shape.heads() * shape.keySize();
        int keys = shape.kvHeads() * shape.keySize();
        int values = shape.kvHeads() * shape.valueSize();
        int outputs = shape.heads() * shape.valueSize();
        try (StackArena arena = StackArena.growing("operands", first.memory(), 1L << 28); Arena.Frame frame = arena.open(given.name())) {
            TokenLayout layout = layout(frame, given.documents());
            Tensor merged = random(frame, 1, given.tokens(), queries + keys + values);
            Tensor dOut = random(frame, 2, given.tokens(), outputs);
            float[][] reference = null;
            for (Map.Entry<String, Engine> choice : engines.entrySet()) {
                Tensor gradient = frame.tensor("qkv.grad", DType.BF16, given.tokens(), queries + keys + values);
                Operands operands = new Operands(merged.columns(0, queries), merged.columns(queries, keys), merged.columns(queries + keys, values), dOut,
                        frame.tensor("out", DType.BF16, given.tokens(), outputs), frame.tensor("sums", DType.F32, given.tokens(), shape.heads()),
                        gradient.columns(0, queries), gradient.columns(queries, keys), gradient.columns(queries + keys, values));
                reference = run(given, choice.getKey(), choice.getValue(), operands, layout, frame, reference);
            }
        }
    }

    /** Times one choice and prints its line. @param reference null for the first choice, whose results are returned */
    private float[][] run(Case given, String name, Engine engine, Operands in, TokenLayout layout, Arena.Frame frame, float[][] reference) {
        Runnable forward = () -> engine.kernels().attention(in.q(), in.k(), in.v(), given.shape(), layout, layout, in.out(), in.sums());
        Runnable backward = () -> engine.kernels().attentionGrad(in.dOut(), in.q(), in.k(), in.v(), in.out(), in.sums(), given.shape(), layout, layout, in.dq(), in.dk(),
                in.dv(), Write.OVERWRITE);
        first.synchronize();
        double there = milliseconds(engine, forward);
        double back = milliseconds(engine, backward);
        float[][] made = {values(frame, in.out()), values(frame, in.dq()), values(frame, in.dk()), values(frame, in.dv())};
        String differences = reference == null ? "null" : "[" + distance(reference[0], made[0]) + ", " + distance(reference[1], made[1]) + ", "
                + distance(reference[2], made[2]) + ", " + distance(reference[3], made[3]) + "]";
        AttentionShape shape = given.shape();
        System.out.printf(Locale.ROOT, "{\"row\": \"%s\", \"kernels\": \"%s\", \"heads\": [%d, %d, %d, %d], \"documents\": %s, \"flops\": %.6g, \"forward_ms\": %.4f, "
                        + "\"forward_tflops\": %.1f, \"backward_ms\": %.4f, \"backward_tflops\": %.1f, \"differences\": %s}%n", given.name(), name, shape.heads(),
                shape.kvHeads(), shape.keySize(), shape.valueSize(), Arrays.stream(given.documents()).boxed().map(String::valueOf).collect(Collectors.joining(", ", "[", "]")),
                given.flops(), there, given.flops() / there * 1e-9, back, 2.5 * given.flops() / back * 1e-9, differences);
        return reference == null ? made : reference;
    }

    /** Between events on the engine's stream, the median of some rounds. */
    private double milliseconds(Engine engine, Runnable call) {
        CUstream_st stream = stream(engine);
        call.run();
        engine.synchronize();
        double once = round(engine, stream, call, 2);
        int calls = (int) Math.max(2, Math.min(MOST_CALLS, ROUND_MILLISECONDS / once));
        double[] rounds = new double[ROUNDS];
        for (int i = 0; i < ROUNDS; i++) {
            rounds[i] = round(engine, stream, call, calls);
        }
        Arrays.sort(rounds);
        return rounds[ROUNDS / 2];
    }

    private double round(Engine engine, CUstream_st stream, Runnable call, int calls) {
        float[] milliseconds = new float[1];
        check(cudart.cuEventRecord(begin, stream));
        for (int i = 0; i < calls; i++) {
            call.run();
        }
        check(cudart.cuEventRecord(end, stream));
        engine.synchronize();
        check(cudart.cuEventElapsedTime(milliseconds, begin, end));
        return milliseconds[0] / calls;
    }

    private static CUstream_st stream(Engine engine) {
        long streamAddress = ((DeviceStreams) engine).compute();
        return new CUstream_st(new Pointer() {
            {
                this.address = streamAddress;
            }
        });
    }

    private static void check(int result) {
        if (result != cudart.CUDA_SUCCESS) {
            throw new IllegalStateException("the driver answered " + result);
        }
    }

    private Tensor random(Arena.Frame frame, long seed, long rows, long columns) {
        Tensor tensor = frame.tensor("random", DType.BF16, rows, columns);
        first.kernels().fillNormal(tensor, seed, 0, 0, columns, 0, 1);
        return tensor;
    }

    private TokenLayout layout(Arena.Frame frame, int[] lengths) {
        int tokens = Arrays.stream(lengths).sum();
        int[] documents = new int[tokens];
        int[] positions = new int[tokens];
        for (int d = 0, t = 0; d < lengths.length; d++) {
            for (int p = 0; p < lengths[d]; p++, t++) {
                documents[t] = d;
                positions[t] = p;
            }
        }
        return new TokenLayout(tokens, ints(frame, positions), ints(frame, documents), TokenLayout.startsOf(documents), positions, documents);
    }

    private Tensor ints(Arena.Frame frame, int[] values) {
        Tensor tensor = frame.tensor("indices", DType.I32, values.length);
        ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES * values.length).order(ByteOrder.nativeOrder());
        bytes.asIntBuffer().put(values);
        first.write(tensor, bytes);
        return tensor;
    }

    private float[] values(Arena.Frame frame, Tensor tensor) {
        Tensor copy = frame.tensor("copy", tensor.dtype(), tensor.rows(), tensor.columns());
        first.kernels().copy(tensor, copy);
        ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(copy.sizeBytes())).order(ByteOrder.nativeOrder());
        first.read(copy, bytes);
        float[] values = new float[Math.toIntExact(copy.elements())];
        HalfPrecision.decode(copy.dtype(), bytes.clear(), values, 0, values.length);
        return values;
    }

    private static String distance(float[] wanted, float[] made) {
        double difference = 0;
        double norm = 0;
        for (int i = 0; i < wanted.length; i++) {
            difference += Math.pow((double) wanted[i] - made[i], 2);
            norm += (double) wanted[i] * wanted[i];
        }
        return String.format(Locale.ROOT, "%.2e", Math.sqrt(difference / norm));
    }
}
