package ai.sparktron.jobs.barrier;

import com.codahale.metrics.Gauge;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.SparkContext;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;

/**
 * The control channel over Spark's own connections: name it in {@code spark.plugins}. It also shows gauges in Spark's metrics: {@code ranks_alive},
 * {@code step}, {@code loss}.
 *
 * <p>Spark makes the plugin's two halves itself, so they are found through two tables of this class: the only static state of the package.
 */
public final class ControlPlugin implements SparkPlugin {

    private static final Map<String, ControlHub> HUBS = new ConcurrentHashMap<>();
    private static volatile PluginContext executor;

    /** The hub of an application of this process, or null when its context was started without the plugin. */
    static ControlHub hub(String application) {
        return HUBS.get(application);
    }

    /** The channel of this executor, or null when the plugin is not loaded in it. */
    static ControlChannel channel() {
        PluginContext context = executor;
        return context == null ? null : new PluginChannel(context);
    }

    @Override
    public DriverPlugin driverPlugin() {
        return new Driver();
    }

    @Override
    public ExecutorPlugin executorPlugin() {
        return new Executor();
    }

    /** The driver's half. */
    private static final class Driver implements DriverPlugin {

        private final ControlHub hub = new ControlHub();
        private volatile String application;

        @Override
        public Map<String, String> init(SparkContext context, PluginContext plugin) {
            return Map.of();
        }

        @Override
        public void registerMetrics(String applicationId, PluginContext plugin) {
            application = applicationId;
            HUBS.put(applicationId, hub);
            plugin.metricRegistry().register("ranks_alive", (Gauge<Integer>) () -> hub.current() == null ? 0 : hub.current().running());
            plugin.metricRegistry().register("step", (Gauge<Long>) () -> progress() == null ? 0 : progress().step());
            plugin.metricRegistry().register("loss", (Gauge<Double>) () -> progress() == null ? Double.NaN
                    : progress().figures().getOrDefault("loss", Double.NaN));
        }

        private Progress progress() {
            Coordinator current = hub.current();
            return current == null ? null : current.progress();
        }

        @Override
        public Object receive(Object message) {
            return hub.handle((byte[]) message);
        }

        @Override
        public void shutdown() {
            if (application != null) {
                HUBS.remove(application);
            }
        }
    }

    /** The executor's half. */
    private static final class Executor implements ExecutorPlugin {

        @Override
        public void init(PluginContext context, Map<String, String> extraConf) {
            executor = context;
        }

        @Override
        public void shutdown() {
            executor = null;
        }
    }

    private record PluginChannel(PluginContext context) implements ControlChannel {

        @Override
        public ControlMessage ask(ControlMessage message) throws IOException {
            try {
                return ControlMessage.decode((byte[]) context.ask(message.encode()));
            } catch (InterruptedException interrupt) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted while asking the driver", interrupt);
            } catch (Exception failure) {
                throw new IOException("the driver cannot be reached through the plugin: " + failure.getMessage(), failure);
            }
        }

        @Override
        public void close() {
            // The connection is Spark's.
        }
    }
}
