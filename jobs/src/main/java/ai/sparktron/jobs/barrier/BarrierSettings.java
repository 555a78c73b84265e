package ai.sparktron.jobs.barrier;

import java.io.Serializable;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.apache.spark.SparkConf;

/**
 * Times and limits of a run, from Spark's configuration under {@value #PREFIX}.
 *
 * @param startTimeout      how long executors and ranks may take to come
 * @param heartbeatInterval pause between a rank's heartbeats
 * @param heartbeatTimeout  silence after which a rank is given up; well below Spark's own two to three minutes
 * @param collectiveTimeout how long a collective waits for late ranks
 * @param abortGrace        how long a rank may take to end after an abort before its process is halted
 * @param maxRestarts       restarts without a new checkpoint in between before the run gives up
 * @param restartPause      pause before the first restart; doubles up to a minute
 * @param freshJvm          whether executors whose rank failed are replaced, so that no native state survives; never in local mode
 * @param controlChannel    how ranks reach the driver
 * @param sharedGpu         whether two ranks may have the same GPU
 */
public record BarrierSettings(Duration startTimeout, Duration heartbeatInterval, Duration heartbeatTimeout, Duration collectiveTimeout,
                              Duration abortGrace, int maxRestarts, Duration restartPause, boolean freshJvm, Channel controlChannel,
                              boolean sharedGpu) implements Serializable {

    /** How ranks reach the driver. */
    public enum Channel {
        /** The plugin where Spark has loaded it, otherwise a socket. */
        AUTO,
        /** {@link ControlPlugin}, to be named in {@code spark.plugins} before the context starts. */
        PLUGIN,
        /** A port of the driver. */
        SOCKET
    }

    /** One setting, for the generated table. */
    public record Setting(String name, String defaultValue, String meaning) {
    }

    public static final String PREFIX = "spark.sparktron.train.";

    private static final List<Setting> SETTINGS = List.of(
            new Setting("startTimeout", "300s", "how long executors and ranks may take to come"),
            new Setting("heartbeatInterval", "1s", "pause between a rank's heartbeats to the driver"),
            new Setting("heartbeatTimeout", "60s", "silence after which a rank is given up"),
            new Setting("collectiveTimeout", "600s", "how long a collective waits for late ranks"),
            new Setting("abortGrace", "10s", "how long a rank may take to end after an abort before its process is halted"),
            new Setting("maxRestarts", "3", "restarts without a new checkpoint in between before the run gives up"),
            new Setting("restartPause", "1s", "pause before the first restart; doubles up to a minute"),
            new Setting("freshJvm", "true", "replace executors whose rank failed, so that no native state survives (not in local mode)"),
            new Setting("controlChannel", "auto", "how ranks reach the driver: auto, plugin, socket"),
            new Setting("sharedGpu", "false", "whether two ranks may have the same GPU"));

    /** All settings, for the documentation. All are read when a run starts. */
    public static List<Setting> settings() {
        return SETTINGS;
    }

    /**
     * Reads the settings.
     *
     * @throws IllegalArgumentException when a name is unknown or a value is wrong
     */
    public static BarrierSettings from(SparkConf conf) {
        for (scala.Tuple2<String, String> entry : conf.getAllWithPrefix(PREFIX)) {
            if (SETTINGS.stream().noneMatch(setting -> setting.name().equals(entry._1()))) {
                throw new IllegalArgumentException("setting " + PREFIX + entry._1() + " is unknown; known are "
                        + SETTINGS.stream().map(setting -> PREFIX + setting.name()).toList());
            }
        }
        return new BarrierSettings(time(conf, "startTimeout"), time(conf, "heartbeatInterval"), time(conf, "heartbeatTimeout"),
                time(conf, "collectiveTimeout"), time(conf, "abortGrace"), count(conf, "maxRestarts"), time(conf, "restartPause"),
                flag(conf, "freshJvm"), channel(conf), flag(conf, "sharedGpu"));
    }

    private static String text(SparkConf conf, String name) {
        Optional<Setting> setting = SETTINGS.stream().filter(each -> each.name().equals(name)).findFirst();
        return conf.get(PREFIX + name, setting.orElseThrow().defaultValue());
    }

    private static Duration time(SparkConf conf, String name) {
        try {
            long millis = new SparkConf(false).set("time", text(conf, name)).getTimeAsMs("time");
            if (millis <= 0) {
                throw new IllegalArgumentException("not positive");
            }
            return Duration.ofMillis(millis);
        } catch (RuntimeException wrong) {
            throw wrong(conf, name, "a time such as 500ms, 30s or 10min", wrong);
        }
    }

    private static int count(SparkConf conf, String name) {
        try {
            int count = Integer.parseInt(text(conf, name));
            if (count < 0) {
                throw new IllegalArgumentException("negative");
            }
            return count;
        } catch (RuntimeException wrong) {
            throw wrong(conf, name, "a whole number from 0", wrong);
        }
    }

    private static boolean flag(SparkConf conf, String name) {
        return switch (text(conf, name)) {
            case "true" -> true;
            case "false" -> false;
            default -> throw wrong(conf, name, "true or false", null);
        };
    }

    private static Channel channel(SparkConf conf) {
        return switch (text(conf, "controlChannel")) {
            case "auto" -> Channel.AUTO;
            case "plugin" -> Channel.PLUGIN;
            case "socket" -> Channel.SOCKET;
            default -> throw wrong(conf, "controlChannel", "auto, plugin or socket", null);
        };
    }

    private static IllegalArgumentException wrong(SparkConf conf, String name, String expected, Throwable cause) {
        return new IllegalArgumentException("setting " + PREFIX + name + " is '" + text(conf, name) + "', expected " + expected, cause);
    }
}
