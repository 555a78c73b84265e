package ai.sparktron.pipeline.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives local directories for hub repositories. The cache is laid out as Hugging Face's own tools lay it out
 * ({@code models--org--name/snapshots/<commit>/...} with {@code refs/<revision>} naming the commit), so what they downloaded is used and what
 * is downloaded here is used by them. Thread-safe; processes that ask for the same repository wait for each other.
 */
public final class HubClient {

    private static final Logger LOG = LoggerFactory.getLogger(HubClient.class);

    private final ObjectMapper mapper = new ObjectMapper();
    private final Hub hub;
    private final HubOptions options;
    private final HubHttp http;

    public HubClient(Hub hub, HubOptions options) {
        this.hub = hub;
        this.options = options;
        this.http = new HubHttp(hub, options);
    }

    public static HubClient huggingFace(HubOptions options) {
        return new HubClient(new HuggingFaceHub(options), options);
    }

    public static HubClient modelScope(HubOptions options) {
        return new HubClient(new ModelScopeHub(options), options);
    }

    /**
     * A repository on local disk.
     *
     * @param directory holds the selected files under their paths in the repository
     * @param snapshot  name of the state: the commit, or a hash over the listing
     * @param files     the selected files
     */
    public record Snapshot(Path directory, String snapshot, List<HubFile> files) {
        public Snapshot {
            files = List.copyOf(files);
        }
    }

    /** Chooses files of a listing. */
    public interface Selection {
        List<HubFile> select(List<HubFile> all);
    }

    /**
     * Downloads what is missing of a repository.
     *
     * @param id       {@code organisation/name}
     * @param revision branch, tag or commit; null = the hub's default
     * @param wanted   which files; at least one must match
     * @throws HubException where the repository or a file cannot be had, with what to do
     */
    public Snapshot snapshot(RepoKind kind, String id, String revision, FilePatterns wanted) {
        return snapshot(kind, id, revision, wanted::select);
    }

    /** As {@link #snapshot(RepoKind, String, String, FilePatterns)}, with any rule to select files. */
    @SuppressWarnings("try") // The lock is held, not used.
    public Snapshot snapshot(RepoKind kind, String id, String revision, Selection wanted) {
        requireId(kind, id);
        String wish = revision == null || revision.isBlank() ? hub.defaultRevision() : revision;
        if (!wish.matches("[\\w.-]+(/[\\w.-]+)*") || wish.contains("..")) {
            throw new HubException("revision '" + wish + "' of " + kind.word() + " '" + id + "': expected a branch, tag or commit");
        }
        Path repository = options.cache().resolve(kind.plural() + "--" + id.replace("/", "--"));
        try (CacheLock lock = CacheLock.acquire(options.cache().resolve(".locks").resolve(repository.getFileName() + ".lock"))) {
            Listing listing = listing(repository, kind, id, wish);
            List<HubFile> files = wanted.select(listing.files());
            if (files.isEmpty()) {
                throw new HubException(kind.word() + " '" + id + "' of " + hub.name() + " at revision '" + wish + "' has none of the wanted files; it "
                        + "holds " + preview(listing.files()) + ". See " + hub.page(kind, id));
            }
            Path directory = repository.resolve("snapshots").resolve(listing.snapshot());
            download(repository, directory, listing, kind, id, wish, files);
            return new Snapshot(directory, listing.snapshot(), files);
        } catch (IOException fault) {
            throw new HubException("cannot keep " + kind.word() + " '" + id + "' in the cache " + options.cache() + ": " + fault
                    + ". Check that the disk has room and may be written, or set another cache directory.", fault);
        }
    }

    /** Lists a repository's files without downloading them. */
    public Listing list(RepoKind kind, String id, String revision) {
        requireId(kind, id);
        return hub.list(http, kind, id, revision == null ? hub.defaultRevision() : revision);
    }

    private void requireId(RepoKind kind, String id) {
        if (!id.matches("[A-Za-z0-9][\\w.-]*(/[A-Za-z0-9][\\w.-]*)?")) {
            throw new HubException(kind.word() + " id '" + id + "': expected organisation/name as on " + options.endpoint()
                    + ", or the path of a local file or directory that exists");
        }
    }

    private void download(Path repository, Path directory, Listing listing, RepoKind kind, String id, String revision, List<HubFile> files)
            throws IOException {
        FileDownload download = new FileDownload(http, options, kind, id, revision);
        for (HubFile file : files) {
            Path target = directory.resolve(file.path());
            if (Files.exists(target) && (file.bytes() < 0 || Files.size(target) == file.bytes())) {
                continue;
            }
            if (options.offline()) {
                throw new HubException("file '" + file.path() + "' of " + kind.word() + " '" + id + "' is not in the cache " + options.cache()
                        + " and the hub is offline: run once with a network, or give a local path");
            }
            LOG.info("downloading {} of {} '{}' ({} bytes)", file.path(), kind.word(), id, file.bytes());
            String name = file.digest() != null ? file.digest().hex() : listing.snapshot() + "-" + file.path().replace('/', '~');
            download.fetch(file, hub.content(kind, id, listing, revision, file.path()), repository.resolve("incomplete").resolve(name + ".part"),
                    target);
        }
    }

    /** Asks the hub; where it cannot be reached, what was listed last serves, and a warning says so. */
    private Listing listing(Path repository, RepoKind kind, String id, String revision) throws IOException {
        if (!options.offline()) {
            try {
                Listing listing = hub.list(http, kind, id, revision);
                remember(repository, revision, listing);
                return listing;
            } catch (HubException.Unreachable fault) {
                Listing known = remembered(repository, revision);
                if (known == null) {
                    throw fault;
                }
                LOG.warn("{} Using the cached snapshot {}.", fault.getMessage(), known.snapshot());
                return known;
            }
        }
        Listing known = remembered(repository, revision);
        if (known == null) {
            throw new HubException(kind.word() + " '" + id + "' at revision '" + revision + "' is not in the cache " + options.cache()
                    + " and the hub is offline: run once with a network, or give a local path");
        }
        return known;
    }

    private void remember(Path repository, String revision, Listing listing) throws IOException {
        ObjectNode root = mapper.createObjectNode().put("format", "sparktron.hub-listing").put("version", 1).put("snapshot", listing.snapshot());
        ArrayNode files = root.putArray("files");
        for (HubFile file : listing.files()) {
            ObjectNode entry = files.addObject().put("path", file.path()).put("bytes", file.bytes());
            if (file.digest() != null) {
                entry.put("algorithm", file.digest().algorithm().name()).put("digest", file.digest().hex());
            }
        }
        writeWhole(repository.resolve("listings").resolve(listing.snapshot() + ".json"), mapper.writeValueAsBytes(root));
        writeWhole(repository.resolve("refs").resolve(revision), listing.snapshot().getBytes(StandardCharsets.UTF_8));
    }

    private static void writeWhole(Path target, byte[] content) throws IOException {
        Files.createDirectories(target.getParent());
        Path temporary = target.resolveSibling(target.getFileName() + ".tmp");
        Files.write(temporary, content);
        Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private Listing remembered(Path repository, String revision) throws IOException {
        Path ref = repository.resolve("refs").resolve(revision);
        String snapshot = Files.isRegularFile(ref) ? Files.readString(ref).strip() : revision;
        Path file = repository.resolve("listings").resolve(snapshot + ".json");
        Path directory = repository.resolve("snapshots").resolve(snapshot);
        if (Files.exists(file)) {
            return readListing(file);
        }
        return Files.isDirectory(directory) ? new Listing(snapshot, filesOf(directory)) : null;
    }

    private Listing readListing(Path file) throws IOException {
        JsonNode root = mapper.readTree(file.toFile());
        List<HubFile> files = new ArrayList<>();
        for (JsonNode entry : root.path("files")) {
            HubFile.Digest digest = entry.hasNonNull("digest")
                    ? new HubFile.Digest(HubFile.Algorithm.valueOf(entry.get("algorithm").asText()), entry.get("digest").asText()) : null;
            files.add(new HubFile(entry.path("path").asText(), entry.path("bytes").asLong(-1), digest));
        }
        return new Listing(root.path("snapshot").asText(), files);
    }

    /** A snapshot that other tools downloaded: its files are what is there. */
    private static List<HubFile> filesOf(Path directory) throws IOException {
        try (Stream<Path> paths = Files.walk(directory)) {
            return paths.filter(Files::isRegularFile).sorted()
                    .map(path -> new HubFile(directory.relativize(path).toString().replace('\\', '/'), sizeOf(path), null)).toList();
        }
    }

    private static long sizeOf(Path path) {
        try {
            return Files.size(path);
        } catch (IOException fault) {
            throw new UncheckedIOException(fault);
        }
    }

    private static String preview(List<HubFile> files) {
        List<String> names = files.stream().map(HubFile::path).limit(10).toList();
        return files.isEmpty() ? "no file" : String.join(", ", names) + (files.size() > names.size() ? " and " + (files.size() - names.size()) + " more" : "");
    }
}
