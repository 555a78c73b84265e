package ai.sparktron.benchmarks;

import ai.sparktron.trainer.kernels.AdamWTensors;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.ExpertKernels;
import ai.sparktron.trainer.kernels.Fp8Kernels;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.StateTensor;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Tensor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Calls of an engine's kernels with the time each takes on the GPU, its arithmetic, and the bytes of its operands. A call's time is that between the ends of the call
 * before and its own, so copies between two calls count for the later one, and so does a GPU that waits for the host.
 */
final class KernelLedger {

    private final Map<String, Total> totals = new LinkedHashMap<>();
    private final List<Call> calls = new ArrayList<>();
    private DeviceClock clock;
    private boolean running;

    /** @param end mark of the clock */
    private record Call(String name, double flops, double bytes, int end) {
    }

    private static final class Total {
        private int calls;
        private double seconds;
        private double longest;
        private double flops;
        private double bytes;
    }

    /** From here on kernels are counted. */
    void start() {
        running = true;
        clock.mark();
    }

    /** The engine, with kernels that are counted. */
    Engine over(Engine device) {
        clock = new DeviceClock(device);
        ExpertKernels experts = counted(ExpertKernels.class, device.kernels().experts(), null, null);
        Fp8Kernels fp8 = counted(Fp8Kernels.class, device.kernels().fp8(), null, null);
        Kernels kernels = counted(Kernels.class, device.kernels(), experts, fp8);
        return (Engine) Proxy.newProxyInstance(KernelLedger.class.getClassLoader(), new Class<?>[] {Engine.class},
                (proxy, method, words) -> method.getName().equals("kernels") ? kernels : invoke(device, method, words));
    }

    /** @param experts what {@link Kernels#experts} answers; fp8 alike */
    private <K> K counted(Class<K> type, K kernels, ExpertKernels experts, Fp8Kernels fp8) {
        return type.cast(Proxy.newProxyInstance(KernelLedger.class.getClassLoader(), new Class<?>[] {type}, (proxy, method, words) -> {
            if (method.getReturnType() == ExpertKernels.class) {
                return experts;
            }
            if (method.getReturnType() == Fp8Kernels.class) {
                return fp8;
            }
            if (!running || method.getReturnType() != void.class) {
                return invoke(kernels, method, words);
            }
            Object result = invoke(kernels, method, words);
            calls.add(new Call(name(method.getName(), words), flops(method.getName(), words), bytes(method.getName(), words), clock.mark()));
            return result;
        }));
    }

    private static Object invoke(Object target, Method method, Object[] words) throws Throwable {
        try {
            method.setAccessible(true);
            return method.invoke(target, words);
        } catch (InvocationTargetException failure) {
            throw failure.getCause();
        }
    }

    /** Each operand once, states and results that are added to twice; of a table only the rows that are picked. */
    private static double bytes(String method, Object[] words) {
        double bytes = 0;
        if (method.equals("embedding")) {
            return 2.0 * ((Tensor) words[3]).sizeBytes();
        }
        Tensor last = null;
        for (Object word : words) {
            if (word instanceof Tensor tensor) {
                last = tensor;
                bytes += tensor.sizeBytes();
            } else if (word instanceof AdamWTensors states) {
                bytes += 2.0 * (states.value().sizeBytes() + size(states.main()) + size(states.firstMoment()) + size(states.secondMoment()));
            } else if (word == Write.ACCUMULATE && last != null) {
                bytes += last.sizeBytes();
            }
        }
        return bytes;
    }

    private static long size(StateTensor state) {
        return state == null ? 0 : state.sizeBytes();
    }

    private static String name(String method, Object[] words) {
        if (method.equals("groupedMatmul")) {
            return method + " " + ((Tensor) words[0]).columns() + " to " + ((Tensor) words[4]).columns();
        }
        if (method.equals("groupedMatmulGrad")) {
            return method + " " + ((Tensor) words[0]).columns() + " x " + ((Tensor) words[1]).columns() + " " + ((Tensor) words[3]).dtype() + " " + words[4];
        }
        if (method.equals("matmul")) {
            Tensor out = (Tensor) words[4];
            return String.format("matmul %6d x %6d x %6d %s%s %s %s", out.rows(), out.columns(), inner(words), words[1] == Transpose.YES ? "T" : "N",
                    words[3] == Transpose.YES ? "T" : "N", out.dtype(), words[5]);
        }
        if (method.equals("linear")) {
            Tensor out = (Tensor) words[3];
            return String.format("linear %6d x %6d x %6d %s", out.rows(), out.columns(), ((Tensor) words[0]).columns(), out.dtype());
        }
        if (method.equals("adamW")) {
            return method + " " + ((AdamWTensors) words[1]).value().shape() + " gradient " + ((Tensor) words[2]).dtype();
        }
        Tensor largest = method.equals("embedding") ? (Tensor) words[3] : null;
        for (Object word : words) {
            if (word instanceof Tensor tensor && !method.equals("embedding") && (largest == null || tensor.sizeBytes() > largest.sizeBytes())) {
                largest = tensor;
            }
        }
        return largest == null ? method : method + " " + largest.dtype() + largest.shape();
    }

    private static long inner(Object[] words) {
        return words[1] == Transpose.YES ? ((Tensor) words[0]).rows() : ((Tensor) words[0]).columns();
    }

    private static double flops(String method, Object[] words) {
        if (method.startsWith("groupedMatmul")) {
            Tensor other = (Tensor) words[method.equals("groupedMatmul") ? 4 : 1];
            return 2.0 * ((Tensor) words[0]).elements() * other.columns();
        }
        if (method.equals("linear")) {
            return 2.0 * ((Tensor) words[3]).elements() * ((Tensor) words[0]).columns();
        }
        return method.equals("matmul") ? 2.0 * ((Tensor) words[4]).elements() * inner(words) : 0;
    }

    /** Ends counting, while the engine is open. */
    void end() {
        running = false;
        try (DeviceClock closing = clock) {
            for (Call call : calls) {
                Total total = totals.computeIfAbsent(call.name(), key -> new Total());
                total.calls++;
                double seconds = closing.seconds(call.end() - 1, call.end());
                total.seconds += seconds;
                total.longest = Math.max(total.longest, seconds);
                total.flops += call.flops();
                total.bytes += call.bytes();
            }
        }
    }

    /** Those that take the most first; with each the longest of its calls, which tells calls that waited. */
    void print() {
        double all = totals.values().stream().mapToDouble(total -> total.seconds).sum();
        System.out.printf(Locale.ROOT, "%-62s %6s %9s %9s %6s %9s %9s%n", "kernel", "calls", "ms", "longest", "%", "TFLOP/s", "GB/s");
        totals.entrySet().stream().sorted(Comparator.comparingDouble((Map.Entry<String, Total> entry) -> -entry.getValue().seconds)).forEach(entry -> {
            Total total = entry.getValue();
            System.out.printf(Locale.ROOT, "%-62s %6d %9.3f %9.3f %6.1f %9s %9.0f%n", entry.getKey(), total.calls, total.seconds * 1e3, total.longest * 1e3,
                    100 * total.seconds / all, total.flops == 0 ? "" : String.format(Locale.ROOT, "%.0f", total.flops / total.seconds * 1e-12), total.bytes / total.seconds * 1e-9);
        });
        System.out.printf(Locale.ROOT, "%-62s %6s %9.3f%n", "all", "", all * 1e3);
    }
}
