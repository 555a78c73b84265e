package ai.sparktron.pipeline.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;

/**
 * A hub on the loopback interface that speaks both hubs' APIs for one repository, with a second host name for the storage that large files
 * are redirected to, and with faults to order: cut connections and error answers.
 */
public final class LoopbackHub implements AutoCloseable {

    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    final List<String> requests = new CopyOnWriteArrayList<>();
    /** Answers to give instead of content, one for each request to a path that ends like the key. */
    final Map<String, ConcurrentLinkedQueue<Integer>> faults = new ConcurrentHashMap<>();
    /** Paths whose body is cut after this many bytes of what is left, once each entry. */
    final Map<String, ConcurrentLinkedQueue<Integer>> cuts = new ConcurrentHashMap<>();
    volatile String requiredToken;
    volatile boolean foreignTokenSeen;
    volatile int pageSize = 2;
    private final TreeMap<String, byte[]> files = new TreeMap<>();
    private final String id;
    private final HttpServer server;
    private final HttpServer storage;
    private final ObjectMapper mapper = new ObjectMapper();

    public LoopbackHub(String id) throws IOException {
        this.id = id;
        server = start(this::answer);
        storage = start(this::answerStorage);
    }

    private interface Handler {
        void handle(HttpExchange exchange) throws Exception;
    }

    private HttpServer start(Handler handler) throws IOException {
        HttpServer started = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        started.setExecutor(Executors.newCachedThreadPool(task -> {
            Thread thread = new Thread(task);
            thread.setDaemon(true);
            return thread;
        }));
        started.createContext("/", exchange -> {
            try (exchange) {
                handler.handle(exchange);
            } catch (Exception fault) {
                throw new IOException(fault);
            }
        });
        started.start();
        return started;
    }

    public String endpoint() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    public LoopbackHub file(String path, String content) {
        return file(path, content.getBytes(StandardCharsets.UTF_8));
    }

    LoopbackHub file(String path, byte[] content) {
        files.put(path, content);
        return this;
    }

    LoopbackHub fault(String pathEnd, Integer... codes) {
        faults.put(pathEnd, new ConcurrentLinkedQueue<>(List.of(codes)));
        return this;
    }

    LoopbackHub cut(String pathEnd, Integer... bytes) {
        cuts.put(pathEnd, new ConcurrentLinkedQueue<>(List.of(bytes)));
        return this;
    }

    long requestsTo(String part) {
        return requests.stream().filter(request -> request.contains(part)).count();
    }

    private void answer(HttpExchange exchange) throws Exception {
        String uri = exchange.getRequestURI().toString();
        String path = exchange.getRequestURI().getPath();
        requests.add(uri + rangeOf(exchange));
        Integer fault = next(faults, URLDecoder.decode(uri, StandardCharsets.UTF_8));
        if (fault != null) {
            if (fault == 429) {
                exchange.getResponseHeaders().add("Retry-After", "0");
            }
            exchange.sendResponseHeaders(fault, -1);
            return;
        }
        String token = exchange.getRequestHeaders().getFirst("Authorization");
        if (requiredToken != null && !("Bearer " + requiredToken).equals(token)) {
            exchange.getResponseHeaders().add("X-Error-Code", "GatedRepo");
            exchange.sendResponseHeaders(401, -1);
        } else if (path.matches("/api/(models|datasets)/" + id + "/revision/main")) {
            json(exchange, mapper.createObjectNode().put("id", id).put("sha", COMMIT));
        } else if (path.matches("/api/(models|datasets)/" + id + "/tree/" + COMMIT)) {
            tree(exchange);
        } else if (path.startsWith("/" + id + "/resolve/") || path.startsWith("/datasets/" + id + "/resolve/")) {
            resolve(exchange, path.substring(path.indexOf(COMMIT) + COMMIT.length() + 1));
        } else if (path.matches("/api/v1/models/" + id + "/repo/files") || path.matches("/api/v1/datasets/" + id + "/repo/tree")) {
            modelScopeListing(exchange);
        } else if (path.matches("/api/v1/(models|datasets)/" + id + "/repo")) {
            content(exchange, parameter(exchange, "FilePath"));
        } else {
            exchange.getResponseHeaders().add("X-Error-Code", "RepoNotFound");
            exchange.sendResponseHeaders(404, -1);
        }
    }

    private void answerStorage(HttpExchange exchange) throws Exception {
        foreignTokenSeen |= exchange.getRequestHeaders().containsKey("Authorization");
        String path = exchange.getRequestURI().getPath().substring(1);
        requests.add("storage/" + path + rangeOf(exchange));
        content(exchange, path);
    }

    private static String rangeOf(HttpExchange exchange) {
        String range = exchange.getRequestHeaders().getFirst("Range");
        return range == null ? "" : " " + range;
    }

    private static Integer next(Map<String, ConcurrentLinkedQueue<Integer>> orders, String path) {
        for (Map.Entry<String, ConcurrentLinkedQueue<Integer>> order : orders.entrySet()) {
            if (path.contains(order.getKey())) {
                return order.getValue().poll();
            }
        }
        return null;
    }

    private static String parameter(HttpExchange exchange, String name) {
        for (String pair : exchange.getRequestURI().getRawQuery().split("&")) {
            if (pair.startsWith(name + "=")) {
                return URLDecoder.decode(pair.substring(name.length() + 1), StandardCharsets.UTF_8);
            }
        }
        return "";
    }

    private void tree(HttpExchange exchange) throws Exception {
        String cursor = exchange.getRequestURI().getQuery().contains("cursor=") ? parameter(exchange, "cursor") : "0";
        int from = Integer.parseInt(cursor);
        ArrayNode entries = mapper.createArrayNode();
        List<String> paths = List.copyOf(files.keySet());
        for (String path : paths.subList(from, Math.min(paths.size(), from + pageSize))) {
            byte[] content = files.get(path);
            ObjectNode entry = entries.addObject().put("type", "file").put("path", path).put("size", content.length);
            entry.put("oid", hash("SHA-1", ("blob " + content.length + "\0").getBytes(StandardCharsets.UTF_8), content));
            if (isLarge(path)) {
                entry.putObject("lfs").put("oid", hash("SHA-256", content)).put("size", content.length).put("pointerSize", 134);
            }
        }
        entries.addObject().put("type", "directory").put("path", "folder").put("size", 0).put("oid", "x");
        if (from + pageSize < paths.size()) {
            exchange.getResponseHeaders().add("Link", "<" + endpoint() + exchange.getRequestURI().getPath() + "?recursive=true&cursor="
                    + (from + pageSize) + ">; rel=\"next\"");
        }
        json(exchange, entries);
    }

    private void modelScopeListing(HttpExchange exchange) throws Exception {
        ObjectNode root = mapper.createObjectNode().put("Code", 200).put("Success", true);
        ArrayNode entries = root.putObject("Data").putArray("Files");
        String number = parameter(exchange, "PageNumber");
        if (number.isEmpty() || number.equals("1")) {
            entries.addObject().put("Path", "folder").put("Type", "tree").put("Size", 0);
            for (Map.Entry<String, byte[]> file : files.entrySet()) {
                entries.addObject().put("Path", file.getKey()).put("Type", "blob").put("Size", file.getValue().length)
                        .put("Sha256", hash("SHA-256", file.getValue()));
            }
        }
        json(exchange, root);
    }

    private static boolean isLarge(String path) {
        return path.endsWith(".safetensors") || path.endsWith(".parquet");
    }

    private void resolve(HttpExchange exchange, String path) throws Exception {
        if (isLarge(path)) {
            exchange.getResponseHeaders().add("Location", "http://127.0.0.1:" + storage.getAddress().getPort() + "/" + path);
            exchange.sendResponseHeaders(302, -1);
        } else {
            content(exchange, path);
        }
    }

    private void content(HttpExchange exchange, String path) throws Exception {
        byte[] whole = files.get(path);
        if (whole == null) {
            exchange.sendResponseHeaders(404, -1);
            return;
        }
        String range = exchange.getRequestHeaders().getFirst("Range");
        int from = range == null ? 0 : Integer.parseInt(range.substring("bytes=".length(), range.length() - 1));
        if (from >= whole.length && whole.length > 0) {
            exchange.sendResponseHeaders(416, -1);
            return;
        }
        byte[] body = Arrays.copyOfRange(whole, from, whole.length);
        if (range != null) {
            exchange.getResponseHeaders().add("Content-Range", "bytes " + from + "-" + (whole.length - 1) + "/" + whole.length);
        }
        Integer cut = next(cuts, path);
        exchange.sendResponseHeaders(range == null ? 200 : 206, body.length == 0 ? -1 : body.length);
        exchange.getResponseBody().write(body, 0, cut == null ? body.length : Math.min(cut, body.length));
        exchange.getResponseBody().flush();
    }

    private void json(HttpExchange exchange, JsonNode node) throws IOException {
        byte[] body = mapper.writeValueAsBytes(node);
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
    }

    private static String hash(String algorithm, byte[]... parts) throws Exception {
        MessageDigest digest = MessageDigest.getInstance(algorithm);
        for (byte[] part : parts) {
            digest.update(part);
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    @Override
    public void close() {
        server.stop(0);
        storage.stop(0);
    }
}
