package ai.sparktron.pipeline.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a hub client promises, against a loopback server that speaks the hubs' APIs. */
class HubClientTest {

    private static final String ID = "org/tiny-model";

    @TempDir Path cache;
    private LoopbackHub server;
    private final byte[] weights = new byte[300_000];

    @BeforeEach
    void start() throws Exception {
        new Random(1).nextBytes(weights);
        server = new LoopbackHub(ID).file("model.safetensors", weights).file("config.json", "{\"a\":1}").file("tokenizer.json", "{}")
                .file("pytorch_model.bin", "pickle").file("original/consolidated.safetensors", "x").file("README.md", "# card");
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private HubOptions options(String token, boolean offline) {
        return new HubOptions(cache, server.endpoint(), token, 4, Duration.ofMillis(5), Duration.ofSeconds(5), offline);
    }

    private HubClient client() {
        return HubClient.huggingFace(options(null, false));
    }

    /** Both hubs, one contract. */
    enum Kind {
        HUGGING_FACE, MODELSCOPE;

        HubClient client(HubOptions options) {
            return this == HUGGING_FACE ? HubClient.huggingFace(options) : HubClient.modelScope(options);
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void aModelIsDownloadedOnceWithoutFilesNobodyReads(Kind kind) throws Exception {
        HubClient client = kind.client(options(null, false));
        HubClient.Snapshot snapshot = client.snapshot(RepoKind.MODEL, ID, null, FilePatterns.MODEL);
        assertArrayEquals(weights, Files.readAllBytes(snapshot.directory().resolve("model.safetensors")));
        assertEquals("{\"a\":1}", Files.readString(snapshot.directory().resolve("config.json")));
        assertFalse(Files.exists(snapshot.directory().resolve("pytorch_model.bin")));
        assertFalse(Files.exists(snapshot.directory().resolve("original")));
        assertEquals(List.of("config.json", "model.safetensors", "tokenizer.json"), snapshot.files().stream().map(HubFile::path).sorted().toList());
        long before = server.requestsTo("safetensors");
        assertTrue(before > 0);
        client.snapshot(RepoKind.MODEL, ID, null, FilePatterns.MODEL);
        assertEquals(before, server.requestsTo("safetensors"), "the second call must find the file in the cache");
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void aCutConnectionIsResumedByRange(Kind kind) throws Exception {
        server.cut("model.safetensors", 100_000, 50_000);
        HubClient.Snapshot snapshot = kind.client(options(null, false)).snapshot(RepoKind.MODEL, ID, null, FilePatterns.MODEL);
        assertArrayEquals(weights, Files.readAllBytes(snapshot.directory().resolve("model.safetensors")));
        List<String> ranges = server.requests.stream().filter(request -> request.contains("safetensors") && request.contains(" bytes=")).toList();
        assertTrue(ranges.stream().anyMatch(request -> request.endsWith("bytes=100000-")), ranges.toString());
        assertTrue(ranges.stream().anyMatch(request -> request.endsWith("bytes=150000-")), ranges.toString());
    }

    @Test
    void aPartialFileOfAnEarlierProcessIsContinuedAndASpoiledOneStartedAnew() throws Exception {
        server.cut("model.safetensors", 100_000).fault("storage-nothing", 500);
        server.fault("model.safetensors", 503, 503, 503, 503);
        assertThrows(HubException.Unreachable.class, () -> client().snapshot(RepoKind.MODEL, ID, null, FilePatterns.MODEL));
        server.faults.clear();
        Path incomplete = cache.resolve("models--org--tiny-model").resolve("incomplete");
        HubFile file = client().list(RepoKind.MODEL, ID, null).files().stream().filter(f -> f.path().equals("model.safetensors")).findFirst().orElseThrow();
        Files.createDirectories(incomplete);
        Files.write(incomplete.resolve(file.digest().hex() + ".part"), new byte[1000]);
        HubClient.Snapshot snapshot = client().snapshot(RepoKind.MODEL, ID, null, FilePatterns.MODEL);
        assertArrayEquals(weights, Files.readAllBytes(snapshot.directory().resolve("model.safetensors")));
        assertTrue(server.requestsTo("bytes=1000-") > 0, "the partial file must be tried first");
    }

    @Test
    void busyAnswersAreTriedAgain() {
        server.fault("revision/main", 429, 503).fault("config.json", 500, 502);
        client().snapshot(RepoKind.MODEL, ID, null, FilePatterns.MODEL);
        assertEquals(3, server.requestsTo("revision/main"));
        assertEquals(3, server.requestsTo("resolve/" + LoopbackHub.COMMIT + "/config.json"));
    }

    @Test
    void theTokenGoesToTheHubAndNowhereElse() {
        server.requiredToken = "secret";
        HubException refused = assertThrows(HubException.class, () -> client().snapshot(RepoKind.MODEL, ID, null, FilePatterns.MODEL));
        assertTrue(refused.getMessage().contains("accept its terms at " + server.endpoint() + "/" + ID), refused.getMessage());
        assertTrue(refused.getMessage().contains("--hub_token"), refused.getMessage());
        assertEquals(1, server.requests.size(), "a refusal is final");
        HubClient.huggingFace(options("secret", false)).snapshot(RepoKind.MODEL, ID, null, FilePatterns.MODEL);
        assertTrue(server.requestsTo("storage/model.safetensors") > 0);
        assertFalse(server.foreignTokenSeen, "the storage host must not see the token");
    }

    @Test
    void anUnknownIdIsNamedWithItsPage() {
        HubException missing = assertThrows(HubException.class, () -> client().snapshot(RepoKind.MODEL, "org/other", null, FilePatterns.MODEL));
        assertTrue(missing.getMessage().contains("'org/other'") && missing.getMessage().contains("404"), missing.getMessage());
        HubException noPath = assertThrows(HubException.class, () -> client().snapshot(RepoKind.MODEL, "./missing/dir", null, FilePatterns.MODEL));
        assertTrue(noPath.getMessage().contains("organisation/name"), noPath.getMessage());
        HubException nothing = assertThrows(HubException.class,
                () -> client().snapshot(RepoKind.MODEL, ID, null, FilePatterns.of(List.of("*.gguf"))));
        assertTrue(nothing.getMessage().contains("config.json"), nothing.getMessage());
    }

    @Test
    void withoutTheHubTheCacheServes() {
        HubClient.Snapshot first = client().snapshot(RepoKind.MODEL, ID, null, FilePatterns.MODEL);
        int requests = server.requests.size();
        HubClient offline = HubClient.huggingFace(options(null, true));
        assertEquals(first.directory(), offline.snapshot(RepoKind.MODEL, ID, null, FilePatterns.MODEL).directory());
        assertEquals(requests, server.requests.size());
        HubException unknown = assertThrows(HubException.class, () -> offline.snapshot(RepoKind.MODEL, "org/new", null, FilePatterns.MODEL));
        assertTrue(unknown.getMessage().contains("offline"), unknown.getMessage());
        server.close();
        assertEquals(first.directory(), client().snapshot(RepoKind.MODEL, ID, null, FilePatterns.MODEL).directory());
        assertThrows(HubException.Unreachable.class, () -> client().snapshot(RepoKind.MODEL, "org/new", null, FilePatterns.MODEL));
    }

    @Test
    void twoAtOnceDownloadOnce() {
        List<CompletableFuture<HubClient.Snapshot>> both = List.of(
                CompletableFuture.supplyAsync(() -> client().snapshot(RepoKind.MODEL, ID, null, FilePatterns.MODEL)),
                CompletableFuture.supplyAsync(() -> client().snapshot(RepoKind.MODEL, ID, null, FilePatterns.MODEL)));
        assertEquals(both.get(0).join().directory(), both.get(1).join().directory());
        assertEquals(1, server.requestsTo("storage/model.safetensors"));
    }

    @Test
    void contentThatDoesNotMatchItsDigestIsRefused() {
        HubFile wrong = new HubFile("config.json", 7, new HubFile.Digest(HubFile.Algorithm.SHA_256, "00".repeat(32)));
        HubException refused = assertThrows(HubException.class, () -> client().snapshot(RepoKind.MODEL, ID, null, all -> List.of(wrong)));
        assertTrue(refused.getMessage().contains("another content"), refused.getMessage());
        assertThrows(HubException.class, () -> new HubFile("../outside", 1, null));
    }

    @Test
    void environmentNamesArePassedNotRead() {
        HubOptions plain = HubOptions.huggingFace(Map.of(), Path.of("/home/u"), null);
        assertEquals(Path.of("/home/u/.cache/huggingface/hub"), plain.cache());
        assertEquals("https://huggingface.co", plain.endpoint());
        HubOptions set = HubOptions.huggingFace(Map.of("HF_HOME", "/big", "HF_ENDPOINT", "https://mirror.example/", "HF_TOKEN", "t"), Path.of("/h"), null);
        assertEquals(Path.of("/big/hub"), set.cache());
        assertEquals("https://mirror.example", set.endpoint());
        assertEquals("t", set.token());
        assertEquals(Path.of("/ms/sparktron"), HubOptions.modelScope(Map.of("MODELSCOPE_CACHE", "/ms"), Path.of("/h"), null).cache());
    }
}
