package ai.sparktron.benchmarks;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Kernels;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.TreeMap;

/** An engine whose kernels note how much processor time each of them takes; for engines that have finished when a kernel returns. */
final class KernelTimes {

    private static final ThreadMXBean CLOCK = ManagementFactory.getThreadMXBean();

    private final Map<String, Long> nanos = new TreeMap<>();
    private final Map<String, Integer> calls = new TreeMap<>();
    private long start = now();

    Engine around(Engine engine) {
        Kernels timed = (Kernels) Proxy.newProxyInstance(Kernels.class.getClassLoader(), new Class<?>[] {Kernels.class},
                (proxy, method, arguments) -> timed(engine.kernels(), method, arguments));
        return (Engine) Proxy.newProxyInstance(Engine.class.getClassLoader(), new Class<?>[] {Engine.class},
                (proxy, method, arguments) -> method.getName().equals("kernels") ? timed : call(engine, method, arguments));
    }

    private Object timed(Kernels kernels, Method method, Object[] arguments) throws Throwable {
        long before = now();
        try {
            return call(kernels, method, arguments);
        } finally {
            nanos.merge(method.getName(), now() - before, Long::sum);
            calls.merge(method.getName(), 1, Integer::sum);
        }
    }

    private static Object call(Object target, Method method, Object[] arguments) throws Throwable {
        try {
            return method.invoke(target, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    void clear() {
        nanos.clear();
        calls.clear();
        start = now();
    }

    /** Processor time of this thread in nanoseconds: what a machine with other work to do still measures well. */
    static long now() {
        return CLOCK.getCurrentThreadCpuTime();
    }

    /** Milliseconds and calls of each kernel for one of {@code steps} steps, the longest first. */
    String report(int steps) {
        StringBuilder text = new StringBuilder();
        double all = (now() - start) / 1e6 / steps;
        double inKernels = nanos.values().stream().mapToLong(Long::longValue).sum() / 1e6 / steps;
        text.append(String.format("  %-20s %8.2f ms, %.2f of them outside kernels%n", "a step", all, all - inKernels));
        nanos.entrySet().stream().sorted((a, b) -> Long.compare(b.getValue(), a.getValue())).forEach(entry -> text.append(
                String.format("  %-20s %8.2f ms  %4d calls%n", entry.getKey(), entry.getValue() / 1e6 / steps, calls.get(entry.getKey()) / steps)));
        return text.toString();
    }
}
