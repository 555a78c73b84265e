package ai.sparktron.pipeline.hub;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The Hugging Face hub, or a mirror that speaks its API. */
public final class HuggingFaceHub implements Hub {

    private static final Pattern NEXT_PAGE = Pattern.compile("<([^>]+)>\\s*;\\s*rel=\"?next\"?");

    private final String endpoint;
    private final String token;

    public HuggingFaceHub(HubOptions options) {
        this.endpoint = options.endpoint();
        this.token = options.token();
    }

    @Override
    public String name() {
        return "Hugging Face";
    }

    @Override
    public String tokenHint() {
        return "--hub_token (or HF_TOKEN)";
    }

    @Override
    public String defaultRevision() {
        return "main";
    }

    @Override
    public String page(RepoKind kind, String id) {
        return endpoint + (kind == RepoKind.DATASET ? "/datasets/" : "/") + id;
    }

    @Override
    public Map<String, String> authorization() {
        return token == null ? Map.of() : Map.of("Authorization", "Bearer " + token);
    }

    /** The commit comes from the revision call; the tree of that commit comes in pages linked by the {@code Link} header. */
    @Override
    public Listing list(HubHttp http, RepoKind kind, String id, String revision) {
        String api = endpoint + "/api/" + kind.plural() + "/" + HubHttp.encodePath(id);
        JsonNode info = http.json(URI.create(api + "/revision/" + HubHttp.encode(revision)), kind, id, revision).body();
        String commit = info.path("sha").asText("");
        if (commit.isEmpty()) {
            throw new HubException("the hub at " + endpoint + " answered for " + kind.word() + " '" + id
                    + "' without a commit ('sha'); expected the Hugging Face API. Check HF_ENDPOINT.");
        }
        List<HubFile> files = new ArrayList<>();
        URI page = URI.create(api + "/tree/" + HubHttp.encode(commit) + "?recursive=true");
        while (page != null) {
            HubHttp.JsonAnswer answer = http.json(page, kind, id, revision);
            for (JsonNode entry : answer.body()) {
                if ("file".equals(entry.path("type").asText())) {
                    files.add(file(entry));
                }
            }
            Matcher next = NEXT_PAGE.matcher(answer.link());
            page = next.find() ? page.resolve(next.group(1)) : null;
        }
        return new Listing(commit, files);
    }

    private static HubFile file(JsonNode entry) {
        JsonNode large = entry.path("lfs");
        if (large.hasNonNull("oid")) {
            String oid = large.get("oid").asText();
            String hex = oid.startsWith("sha256:") ? oid.substring("sha256:".length()) : oid;
            return new HubFile(entry.path("path").asText(), large.path("size").asLong(entry.path("size").asLong(-1)),
                    new HubFile.Digest(HubFile.Algorithm.SHA_256, hex));
        }
        String oid = entry.path("oid").asText("");
        return new HubFile(entry.path("path").asText(), entry.path("size").asLong(-1),
                oid.length() == 40 ? new HubFile.Digest(HubFile.Algorithm.GIT_BLOB, oid) : null);
    }

    @Override
    public URI content(RepoKind kind, String id, Listing listing, String revision, String path) {
        return URI.create(page(kind, HubHttp.encodePath(id)) + "/resolve/" + listing.snapshot() + "/" + HubHttp.encodePath(path));
    }
}
