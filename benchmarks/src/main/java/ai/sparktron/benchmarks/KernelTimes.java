package ai.sparktron.benchmarks;

import ai.sparktron.trainer.kernels.Kernels;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.TreeMap;

/** Kernels that note how much processor time each of them takes; for engines that have finished when a kernel returns. */
final class KernelTimes {

    private static final ThreadMXBean CLOCK = ManagementFactory.getThreadMXBean();

    private final Map<String, Long> nanos = new TreeMap<>();
    private final Map<String, Integer> calls = new TreeMap<>();

    Kernels wrap(Kernels kernels) {
        return (Kernels) Proxy.newProxyInstance(Kernels.class.getClassLoader(), new Class<?>[] {Kernels.class}, (proxy, method, arguments) -> {
            long start = CLOCK.getCurrentThreadCpuTime();
            try {
                return method.invoke(kernels, arguments);
            } catch (InvocationTargetException e) {
                throw e.getCause();
            } finally {
                nanos.merge(method.getName(), CLOCK.getCurrentThreadCpuTime() - start, Long::sum);
                calls.merge(method.getName(), 1, Integer::sum);
            }
        });
    }

    void clear() {
        nanos.clear();
        calls.clear();
    }

    /** Processor time of this thread in nanoseconds: what a machine with other work to do still measures well. */
    static long now() {
        return CLOCK.getCurrentThreadCpuTime();
    }

    /** Milliseconds and calls of each kernel for one of {@code steps} steps, the longest first. */
    String report(int steps) {
        StringBuilder text = new StringBuilder();
        nanos.entrySet().stream().sorted((a, b) -> Long.compare(b.getValue(), a.getValue())).forEach(entry -> text.append(
                String.format("  %-20s %8.2f ms  %4d calls%n", entry.getKey(), entry.getValue() / 1e6 / steps, calls.get(entry.getKey()) / steps)));
        return text.toString();
    }
}
