package ai.sparktron.benchmarks;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.ExpertKernels;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.cuda.CudaEngine;
import ai.sparktron.trainer.layer.DecoderModel;
import ai.sparktron.trainer.layer.HostTokens;
import ai.sparktron.trainer.layer.Initialiser;
import ai.sparktron.trainer.layer.Pass;
import ai.sparktron.trainer.layer.Recompute;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ModelPart;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.Slicing;
import ai.sparktron.trainer.seam.Seams;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * Where the time of forward and backward goes on one GPU: first micro-batches as they come, with how long the host took to enqueue them, then one with a wait after
 * each kernel. {@code GpuStepProfile MODEL SEQUENCE ROWS [CHUNK_MIB]}.
 */
public final class GpuStepProfile {

    private static final double PEAK = 989.5e12;

    private GpuStepProfile() {
    }

    private static final class Total {
        private int calls;
        private double seconds;
        private double flops;
        private double bytes;
    }

    public static void main(String[] arguments) throws Exception {
        Path model = Path.of(arguments[0]);
        int sequence = Integer.parseInt(arguments[1]);
        int rows = Integer.parseInt(arguments[2]);
        long chunkBytes = arguments.length > 3 ? Long.parseLong(arguments[3]) << 20 : DecoderModel.Options.DEFAULT_CHUNK_BYTES;
        ModelConfig config = ConfigReader.parse(Files.readString(model.resolve("config.json")), model.toString());
        Map<String, Total> totals = new TreeMap<>();
        boolean[] timing = {false};
        try (Engine device = CudaEngine.factory(CudaEngine.Settings.usual()).open(0)) {
            Engine engine = timed(device, totals, timing);
            try (StackArena runArena = StackArena.growing("run", engine.memory(), 64L << 20);
                    StackArena microBatches = StackArena.growing("micro-batch", engine.memory(), 64L << 20);
                    StackArena scratch = StackArena.growing("call", engine.memory(), 64L << 20);
                    Arena.Frame run = runArena.open("run")) {
                Parameters parameters = Parameters.allocate(DecoderSpecs.of(config), Slicing.whole(), run, DType.BF16, Parameters.Use.TRAIN, 1);
                Initialiser.initialise(parameters, engine.kernels(), 1);
                DecoderModel.Options options = new DecoderModel.Options(ModelPart.whole(config), Seams.single(), Recompute.none(), chunkBytes, sequence);
                DecoderModel decoder = new DecoderModel(config, options, parameters, engine, run);
                Tensor lossSum = run.tensor("loss", DType.F32, 1);
                engine.kernels().fill(lossSum, 0);
                HostTokens tokens = tokens(config, sequence, rows);
                List<Double> seconds = new ArrayList<>();
                double enqueued = 0;
                for (int i = 0; i < 8; i++) {
                    engine.kernels().fill(parameters.gradient(), 0);
                    device.synchronize();
                    long began = System.nanoTime();
                    step(decoder, tokens, microBatches, scratch, lossSum);
                    enqueued = (System.nanoTime() - began) * 1e-9;
                    device.synchronize();
                    seconds.add((System.nanoTime() - began) * 1e-9);
                }
                double best = seconds.stream().skip(3).min(Comparator.naturalOrder()).orElseThrow();
                double all = (double) sequence * rows;
                System.out.printf(Locale.ROOT, "%s %d x %d: %.1f ms a micro-batch (first %.1f s), enqueued in %.1f ms, %.0f tokens/s, %.1f %% MFU without the update; arenas %.2f GiB%n",
                        model.getFileName(), sequence, rows, best * 1e3, seconds.get(0), enqueued * 1e3, all / best,
                        100 * all * config.flopsPerToken(sequence) / best / PEAK,
                        (runArena.peakBytes() + microBatches.peakBytes() + scratch.peakBytes()) / 1073741824.0);
                timing[0] = true;
                step(decoder, tokens, microBatches, scratch, lossSum);
                timing[0] = false;
            }
        }
        print(totals);
    }

    private static void step(DecoderModel decoder, HostTokens tokens, Arena microBatch, Arena scratch, Tensor lossSum) {
        try (Pass pass = decoder.begin(tokens, 1f / tokens.tokens(), Pass.Mode.TRAIN, microBatch, scratch, lossSum)) {
            decoder.forward(pass);
            decoder.backward(pass);
        }
    }

    private static HostTokens tokens(ModelConfig config, int sequence, int rows) {
        SplittableRandom random = new SplittableRandom(0);
        int count = sequence * rows;
        int[] ids = random.ints(count, 0, config.vocabularySize()).toArray();
        int[] labels = new int[count];
        int[] positions = new int[count];
        int[] documents = new int[count];
        for (int t = 0; t < count; t++) {
            positions[t] = t % sequence;
            documents[t] = t / sequence;
            labels[t] = positions[t] == sequence - 1 ? -100 : ids[t + 1];
        }
        return HostTokens.of(ids, labels, null, positions, documents);
    }

    /** The engine with kernels that are waited for, one by one, while {@code timing}. */
    private static Engine timed(Engine device, Map<String, Total> totals, boolean[] timing) {
        ExpertKernels experts = timed(ExpertKernels.class, device.kernels().experts(), null, device, totals, timing);
        Kernels kernels = timed(Kernels.class, device.kernels(), experts, device, totals, timing);
        return (Engine) Proxy.newProxyInstance(GpuStepProfile.class.getClassLoader(), new Class<?>[] {Engine.class},
                (proxy, method, words) -> method.getName().equals("kernels") ? kernels : invoke(device, method, words));
    }

    /** @param experts what {@link Kernels#experts} answers */
    private static <K> K timed(Class<K> type, K kernels, ExpertKernels experts, Engine device, Map<String, Total> totals, boolean[] timing) {
        return type.cast(Proxy.newProxyInstance(GpuStepProfile.class.getClassLoader(), new Class<?>[] {type}, (proxy, method, words) -> {
            if (method.getReturnType() == ExpertKernels.class) {
                return experts;
            }
            if (!timing[0]) {
                return invoke(kernels, method, words);
            }
            device.synchronize();
            long began = System.nanoTime();
            Object result = invoke(kernels, method, words);
            device.synchronize();
            Total total = totals.computeIfAbsent(name(method.getName(), words), key -> new Total());
            total.calls++;
            total.seconds += (System.nanoTime() - began) * 1e-9;
            total.flops += flops(method.getName(), words);
            for (Object word : words) {
                total.bytes += word instanceof Tensor tensor ? tensor.sizeBytes() : 0;
            }
            return result;
        }));
    }

    private static Object invoke(Object target, java.lang.reflect.Method method, Object[] words) throws Throwable {
        try {
            method.setAccessible(true);
            return method.invoke(target, words);
        } catch (InvocationTargetException failure) {
            throw failure.getCause();
        }
    }

    private static String name(String method, Object[] words) {
        if (method.equals("groupedMatmul")) {
            return method + " " + ((Tensor) words[0]).columns() + " to " + ((Tensor) words[4]).columns();
        }
        if (method.equals("groupedMatmulGrad")) {
            return method + " " + ((Tensor) words[0]).columns() + " x " + ((Tensor) words[1]).columns();
        }
        if (!method.equals("matmul")) {
            return method;
        }
        Tensor out = (Tensor) words[4];
        long inner = words[1] == Transpose.YES ? ((Tensor) words[0]).rows() : ((Tensor) words[0]).columns();
        return String.format("matmul %6d x %6d x %6d %s%s %s %s", out.rows(), out.columns(), inner, words[1] == Transpose.YES ? "T" : "N",
                words[3] == Transpose.YES ? "T" : "N", out.dtype(), words[5]);
    }

    private static double flops(String method, Object[] words) {
        if (method.startsWith("groupedMatmul")) {
            Tensor other = (Tensor) words[method.equals("groupedMatmul") ? 4 : 1];
            return 2.0 * ((Tensor) words[0]).elements() * other.columns();
        }
        if (!method.equals("matmul")) {
            return 0;
        }
        Tensor out = (Tensor) words[4];
        long inner = words[1] == Transpose.YES ? ((Tensor) words[0]).rows() : ((Tensor) words[0]).columns();
        return 2.0 * out.rows() * out.columns() * inner;
    }

    private static void print(Map<String, Total> totals) {
        double all = totals.values().stream().mapToDouble(total -> total.seconds).sum();
        System.out.printf(Locale.ROOT, "%-62s %6s %9s %6s %9s %9s%n", "kernel, each waited for", "calls", "ms", "%", "TFLOP/s", "GB/s");
        totals.entrySet().stream().sorted(Comparator.comparingDouble((Map.Entry<String, Total> entry) -> -entry.getValue().seconds)).forEach(entry -> {
            Total total = entry.getValue();
            System.out.printf(Locale.ROOT, "%-62s %6d %9.3f %6.1f %9s %9.0f%n", entry.getKey(), total.calls, total.seconds * 1e3, 100 * total.seconds / all,
                    total.flops == 0 ? "" : String.format(Locale.ROOT, "%.0f", total.flops / total.seconds * 1e-12), total.bytes / total.seconds * 1e-9);
        });
        System.out.printf(Locale.ROOT, "%-62s %6s %9.3f%n", "all", "", all * 1e3);
    }
}
