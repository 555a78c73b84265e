package ai.sparktron.pipeline.hub;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;

/**
 * How a hub is reached and where its files are kept.
 *
 * @param cache      root of the on-disk cache; processes and machines may share it
 * @param endpoint   base address, for example {@code https://huggingface.co} or a mirror's
 * @param token      access token, or null for anonymous access
 * @param attempts   how often a request is tried before giving up (progress during a download starts the count anew)
 * @param firstDelay wait before the second attempt; doubles each time up to 30 seconds
 * @param timeout    limit for connecting, for the head of an answer, and for a download in which no byte arrives
 * @param offline    use only what the cache holds, contact nothing
 */
public record HubOptions(Path cache, String endpoint, String token, int attempts, Duration firstDelay, Duration timeout, boolean offline) {

    public static final String HUGGING_FACE_ENDPOINT = "https://huggingface.co";
    public static final String MODELSCOPE_ENDPOINT = "https://modelscope.cn";

    public HubOptions {
        Objects.requireNonNull(cache, "cache");
        if (!endpoint.startsWith("http://") && !endpoint.startsWith("https://")) {
            throw new IllegalArgumentException("hub endpoint '" + endpoint + "': expected an address that starts with http:// or https://");
        }
        endpoint = endpoint.endsWith("/") ? endpoint.substring(0, endpoint.length() - 1) : endpoint;
        token = token == null || token.isBlank() ? null : token.strip();
        if (attempts < 1) {
            throw new IllegalArgumentException("hub attempts " + attempts + ": expected at least 1");
        }
    }

    /**
     * Hugging Face with its tools' variables: {@code HF_HOME} (or {@code XDG_CACHE_HOME}), {@code HF_ENDPOINT}, {@code HF_TOKEN},
     * {@code HF_HUB_OFFLINE}.
     *
     * @param environment the process environment, handed in by the command line
     * @param home        the user's home directory
     * @param token       the option {@code hub_token}, or null to use the environment's
     */
    public static HubOptions huggingFace(Map<String, String> environment, Path home, String token) {
        String root = environment.get("HF_HOME");
        String xdg = environment.get("XDG_CACHE_HOME");
        Path cache = root != null ? Path.of(root) : (xdg != null ? Path.of(xdg) : home.resolve(".cache")).resolve("huggingface");
        return new HubOptions(cache.resolve("hub"), environment.getOrDefault("HF_ENDPOINT", HUGGING_FACE_ENDPOINT),
                token != null ? token : environment.get("HF_TOKEN"), 5, Duration.ofSeconds(1), Duration.ofSeconds(30),
                isTrue(environment.get("HF_HUB_OFFLINE")));
    }

    /** ModelScope with its tools' variables: {@code MODELSCOPE_CACHE}, {@code MODELSCOPE_DOMAIN}, {@code MODELSCOPE_API_TOKEN}. */
    public static HubOptions modelScope(Map<String, String> environment, Path home, String token) {
        String root = environment.get("MODELSCOPE_CACHE");
        Path cache = root != null ? Path.of(root) : home.resolve(".cache").resolve("modelscope");
        String domain = environment.get("MODELSCOPE_DOMAIN");
        String endpoint = domain == null ? MODELSCOPE_ENDPOINT : domain.contains("://") ? domain : "https://" + domain;
        return new HubOptions(cache.resolve("sparktron"), endpoint, token != null ? token : environment.get("MODELSCOPE_API_TOKEN"), 5,
                Duration.ofSeconds(1), Duration.ofSeconds(30), isTrue(environment.get("HF_HUB_OFFLINE")));
    }

    private static boolean isTrue(String value) {
        return value != null && (value.equals("1") || value.equalsIgnoreCase("true") || value.equalsIgnoreCase("yes"));
    }
}
