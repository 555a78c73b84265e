package ai.sparktron.pipeline.hub;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/**
 * The ModelScope hub. Its answers wrap the payload in {@code {"Code": 200, "Data": ...}} and name no commit, so a snapshot is named by a hash
 * over the listing: when the branch moves, the hash moves.
 */
public final class ModelScopeHub implements Hub {

    private static final int PAGE_SIZE = 200;

    private final String endpoint;
    private final String token;

    public ModelScopeHub(HubOptions options) {
        this.endpoint = options.endpoint();
        this.token = options.token();
    }

    @Override
    public String name() {
        return "ModelScope";
    }

    @Override
    public String tokenHint() {
        return "--hub_token (or MODELSCOPE_API_TOKEN)";
    }

    @Override
    public String defaultRevision() {
        return "master";
    }

    @Override
    public String page(RepoKind kind, String id) {
        return endpoint + "/" + kind.plural() + "/" + id;
    }

    /** The hub takes its token as a session cookie; newer deployments read the usual header. */
    @Override
    public Map<String, String> authorization() {
        return token == null ? Map.of() : Map.of("Authorization", "Bearer " + token, "Cookie", "m_session_id=" + token);
    }

    @Override
    public Listing list(HubHttp http, RepoKind kind, String id, String revision) {
        List<HubFile> files = kind == RepoKind.MODEL
                ? page(http, kind, id, revision, "/repo/files?Recursive=true&Revision=" + HubHttp.encode(revision))
                : pages(http, id, revision);
        return new Listing(snapshotName(files), files);
    }

    private List<HubFile> pages(HubHttp http, String id, String revision) {
        List<HubFile> files = new ArrayList<>();
        for (int number = 1; ; number++) {
            JsonNode entries = entries(http, RepoKind.DATASET, id, revision, "/repo/tree?Recursive=true&Revision=" + HubHttp.encode(revision)
                    + "&PageSize=" + PAGE_SIZE + "&PageNumber=" + number);
            addFiles(entries, files);
            if (entries.size() < PAGE_SIZE) {
                return files;
            }
        }
    }

    private List<HubFile> page(HubHttp http, RepoKind kind, String id, String revision, String query) {
        List<HubFile> files = new ArrayList<>();
        addFiles(entries(http, kind, id, revision, query), files);
        return files;
    }

    private JsonNode entries(HubHttp http, RepoKind kind, String id, String revision, String query) {
        JsonNode answer = http.json(URI.create(api(kind, id) + query), kind, id, revision).body();
        if (answer.path("Code").asInt(200) != 200) {
            throw new HubException("ModelScope refused to list " + kind.word() + " '" + id + "' at revision '" + revision + "': "
                    + answer.path("Message").asText("code " + answer.path("Code").asInt()) + ". See " + page(kind, id));
        }
        JsonNode files = answer.path("Data").path("Files");
        if (!files.isArray()) {
            throw new HubException("the hub at " + endpoint + " answered for " + kind.word() + " '" + id
                    + "' without 'Data.Files'; expected the ModelScope API");
        }
        return files;
    }

    private static void addFiles(JsonNode entries, List<HubFile> files) {
        for (JsonNode entry : entries) {
            if (!"tree".equals(entry.path("Type").asText())) {
                String sha = entry.path("Sha256").asText("");
                files.add(new HubFile(entry.path("Path").asText(), entry.path("Size").asLong(-1),
                        sha.length() == 64 ? new HubFile.Digest(HubFile.Algorithm.SHA_256, sha) : null));
            }
        }
    }

    private static String snapshotName(List<HubFile> files) {
        StringBuilder text = new StringBuilder();
        files.stream().sorted(Comparator.comparing(HubFile::path)).forEach(file -> text.append(file.path()).append('\t').append(file.bytes())
                .append('\t').append(file.digest() == null ? "" : file.digest().hex()).append('\n'));
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(text.toString().getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(hash, 0, 20);
        } catch (NoSuchAlgorithmException missing) {
            throw new IllegalStateException("every Java platform has SHA-256", missing);
        }
    }

    private String api(RepoKind kind, String id) {
        return endpoint + "/api/v1/" + kind.plural() + "/" + HubHttp.encodePath(id);
    }

    @Override
    public URI content(RepoKind kind, String id, Listing listing, String revision, String path) {
        return URI.create(api(kind, id) + "/repo?Revision=" + HubHttp.encode(revision) + "&FilePath=" + HubHttp.encode(path));
    }
}
