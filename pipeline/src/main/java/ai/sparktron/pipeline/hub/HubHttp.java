package ai.sparktron.pipeline.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Requests to one hub: redirects, retries with back-off, and the errors people meet. Redirects are followed here and not by the JDK's client,
 * because the token may go to the hub's own host only: storage hosts answer 400 to a foreign {@code Authorization}, and the token would leak.
 */
public final class HubHttp {

    private static final Logger LOG = LoggerFactory.getLogger(HubHttp.class);
    private static final Set<Integer> TRANSIENT = Set.of(408, 425, 429, 500, 502, 503, 504);
    private static final int MAX_REDIRECTS = 10;
    private static final Duration LONGEST_DELAY = Duration.ofSeconds(30);

    private final ObjectMapper mapper = new ObjectMapper();
    private final Hub hub;
    private final HubOptions options;
    private final HttpClient client;

    public HubHttp(Hub hub, HubOptions options) {
        this.hub = hub;
        this.options = options;
        this.client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(options.timeout()).build();
    }

    /** A JSON body with the {@code Link} header that leads to its next page ("" where there is none). */
    record JsonAnswer(JsonNode body, String link) {}

    /** A fault that may pass: worth another attempt after {@code delay} (null = the usual back-off). */
    static final class Transient extends IOException {
        private static final long serialVersionUID = 1L;
        private final transient Duration delay;

        Transient(String message, Duration delay) {
            super(message);
            this.delay = delay;
        }
    }

    /** One attempt at something that may fail for the moment. */
    interface Attempt<T> {
        T run() throws IOException, InterruptedException;
    }

    JsonAnswer json(URI uri, RepoKind kind, String id, String revision) {
        return retrying(kind.word() + " '" + id + "'", () -> {
            HttpResponse<InputStream> response = open(uri, Map.of());
            try (InputStream body = response.body()) {
                requireSuccess(response, kind, id, revision, null);
                return new JsonAnswer(mapper.readTree(body), response.headers().firstValue("Link").orElse(""));
            }
        });
    }

    /** Runs an attempt until it succeeds, fails for good, or the attempts are spent. */
    <T> T retrying(String what, Attempt<T> attempt) {
        for (int number = 1; ; number++) {
            try {
                return attempt.run();
            } catch (IOException fault) {
                if (number >= options.attempts()) {
                    throw unreachable(what, number, fault);
                }
                pause(what, number, fault);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
                throw new HubException("interrupted while fetching " + what + " from " + options.endpoint(), interrupted);
            }
        }
    }

    HubException unreachable(String what, int attempts, IOException fault) {
        return new HubException.Unreachable("cannot fetch " + what + " from " + hub.name() + " at " + options.endpoint() + ": " + reason(fault)
                + " (" + attempts + " attempts). Check the network or proxy, set another endpoint, or give a local path.", fault);
    }

    /** Waits before attempt {@code number + 1}: what the hub asked for, or doubling from the first delay. */
    void pause(String what, int number, IOException fault) {
        Duration delay = fault instanceof Transient known && known.delay != null ? known.delay
                : options.firstDelay().multipliedBy(1L << Math.min(number - 1, 10));
        delay = delay.compareTo(LONGEST_DELAY) > 0 ? LONGEST_DELAY : delay;
        LOG.warn("{} from {}: {}; next attempt in {} ms", what, options.endpoint(), reason(fault), delay.toMillis());
        try {
            Thread.sleep(delay.toMillis());
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new HubException("interrupted while fetching " + what + " from " + options.endpoint(), interrupted);
        }
    }

    private static String reason(IOException fault) {
        String message = fault.getMessage();
        return fault instanceof Transient ? message : fault.getClass().getSimpleName() + (message == null ? "" : " " + message);
    }

    /** Sends a GET and follows redirects; the token goes to the hub's own host only. The caller closes the body. */
    HttpResponse<InputStream> open(URI first, Map<String, String> headers) throws IOException, InterruptedException {
        URI uri = first;
        for (int hop = 0; hop <= MAX_REDIRECTS; hop++) {
            HttpRequest.Builder request = HttpRequest.newBuilder(uri).GET().timeout(options.timeout()).header("User-Agent", "sparktron");
            Map<String, String> all = new LinkedHashMap<>(headers);
            if (sameHost(uri, URI.create(options.endpoint()))) {
                all.putAll(hub.authorization());
            }
            all.forEach(request::header);
            HttpResponse<InputStream> response = client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
            int status = response.statusCode();
            String location = response.headers().firstValue("Location").orElse(null);
            if (status < 300 || status >= 400 || status == 304 || location == null) {
                return response;
            }
            response.body().close();
            uri = uri.resolve(location);
        }
        throw new IOException("more than " + MAX_REDIRECTS + " redirects from " + first);
    }

    private static boolean sameHost(URI one, URI other) {
        return one.getScheme().equals(other.getScheme()) && one.getHost().equalsIgnoreCase(other.getHost()) && one.getPort() == other.getPort();
    }

    /** Turns every answer but 2xx into a {@link Transient} fault or the error a person can act on. */
    void requireSuccess(HttpResponse<InputStream> response, RepoKind kind, String id, String revision, String path) throws IOException {
        int status = response.statusCode();
        if (status >= 200 && status < 300) {
            return;
        }
        if (TRANSIENT.contains(status)) {
            Duration delay = response.headers().firstValue("Retry-After").filter(value -> value.matches("\\d{1,6}"))
                    .map(value -> Duration.ofSeconds(Long.parseLong(value))).orElse(null);
            throw new Transient("HTTP " + status, delay);
        }
        String what = kind.word() + " '" + id + "' at revision '" + revision + "'" + (path == null ? "" : ", file '" + path + "'");
        String code = response.headers().firstValue("X-Error-Code").orElse("");
        String page = hub.page(kind, id);
        if (code.equals("GatedRepo")) {
            throw new HubException(what + " is gated (HTTP " + status + "): accept its terms at " + page + " and pass a token with "
                    + hub.tokenHint());
        }
        if (status == 401 || status == 403) {
            throw new HubException(hub.name() + " refuses " + what + " (HTTP " + status + "): it does not exist, or it is private or gated. Check "
                    + "the id at " + page + (hub.authorization().isEmpty() ? ", and pass a token with " : ", and whether it may be read with the token of ")
                    + hub.tokenHint());
        }
        if (status == 404) {
            throw new HubException(hub.name() + " has no " + what + " (HTTP 404" + (code.isEmpty() ? "" : ", " + code)
                    + "): check the id and the revision at " + page);
        }
        throw new HubException(hub.name() + " answered HTTP " + status + " for " + what + " (" + response.uri() + ")");
    }

    /** Percent-encodes one path segment or query value. */
    static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** Percent-encodes a path, keeping its slashes. */
    static String encodePath(String path) {
        return encode(path).replace("%2F", "/");
    }
}
