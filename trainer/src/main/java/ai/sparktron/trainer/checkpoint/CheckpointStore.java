package ai.sparktron.trainer.checkpoint;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The checkpoints of one run directory ({@code <save>/v0-20260101-120000}): {@code checkpoint-N} for each, {@code latest_checkpointed_iteration.txt}, and the links
 * {@code last} and {@code best}. Only one process commits; any may read.
 */
public final class CheckpointStore {

    /** Name of the file with the newest committed iteration (Megatron's). */
    public static final String LATEST_FILE = "latest_checkpointed_iteration.txt";

    private static final Pattern NAME = Pattern.compile("checkpoint-(\\d+)");
    private static final Pattern TEMPORARY = Pattern.compile("checkpoint-\\d+\\.(tmp|old)-.*");

    private final Path root;

    /** @param root the run directory, made when the first checkpoint begins */
    public CheckpointStore(Path root) {
        this.root = root;
    }

    public Path root() {
        return root;
    }

    /** Where a checkpoint is written until it is complete. The attempt's name keeps a rank of an older attempt from adding to it. */
    public Path temporaryDirectory(long iteration, String attempt) {
        return root.resolve("checkpoint-" + iteration + ".tmp-" + attempt);
    }

    /** Directory of the state files inside a checkpoint. */
    public static Path stateDirectory(Path checkpoint, long iteration) {
        return checkpoint.resolve(SavedCheckpoint.stateDirectoryName(iteration));
    }

    /**
     * Makes the temporary directory, and removes what broken saves left behind. One process calls this, before any rank writes.
     *
     * @throws CheckpointException when {@code save} cannot be written
     */
    public Path begin(long iteration, String attempt) {
        Path temporary = temporaryDirectory(iteration, attempt);
        try {
            Files.createDirectories(root);
            try (Stream<Path> entries = Files.list(root)) {
                for (Path stale : entries.filter(path -> TEMPORARY.matcher(path.getFileName().toString()).matches()).toList()) {
                    AtomicFiles.deleteTree(stale);
                }
            }
            return Files.createDirectories(stateDirectory(temporary, iteration)).getParent();
        } catch (IOException e) {
            throw new CheckpointException("cannot write the checkpoint directory " + temporary + ": " + e
                    + "; check that --save names a directory that can be written and has room", e);
        }
    }

    /**
     * Completes a checkpoint: manifest, rename, {@code latest_checkpointed_iteration.txt}, the link {@code last}. After this call it is there whole; before, not at all.
     */
    public SavedCheckpoint commit(Path temporary, CheckpointManifest manifest) {
        Path target = root.resolve("checkpoint-" + manifest.iteration());
        try {
            manifest.write(stateDirectory(temporary, manifest.iteration()));
            Path replaced = root.resolve("checkpoint-" + manifest.iteration() + ".old-" + System.nanoTime());
            if (Files.exists(target)) {
                Files.move(target, replaced, StandardCopyOption.ATOMIC_MOVE);
            }
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
            AtomicFiles.deleteTree(replaced);
            AtomicFiles.write(root.resolve(LATEST_FILE), Long.toString(manifest.iteration()).getBytes(StandardCharsets.US_ASCII));
            link("last", target);
        } catch (IOException e) {
            throw new CheckpointException("cannot complete the checkpoint " + target + ": " + e + "; earlier checkpoints are untouched", e);
        }
        return new SavedCheckpoint(target, manifest);
    }

    /** Points {@code best} at a checkpoint. */
    public void markBest(SavedCheckpoint checkpoint) {
        try {
            link("best", checkpoint.directory());
        } catch (IOException e) {
            throw new CheckpointException("cannot link " + root.resolve("best") + ": " + e, e);
        }
    }

    private void link(String name, Path target) throws IOException {
        Path link = root.resolve(name);
        try {
            Path temporary = root.resolve(name + ".tmp");
            Files.deleteIfExists(temporary);
            Files.createSymbolicLink(temporary, target.getFileName());
            Files.move(temporary, link, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (UnsupportedOperationException noLinks) {
            AtomicFiles.write(root.resolve(name + ".txt"), target.getFileName().toString().getBytes(StandardCharsets.UTF_8));
        }
    }

    /**
     * Removes the oldest checkpoints until {@code limit} are left; the newest and the one that {@code best} points at always stay.
     *
     * @param limit {@code save_total_limit}, at least 1
     */
    public void retire(int limit) {
        List<Path> checkpoints = new ArrayList<>(list());
        Path best = readLink("best");
        int left = checkpoints.size();
        for (Path checkpoint : checkpoints.subList(0, Math.max(0, checkpoints.size() - 1))) {
            if (left <= limit) {
                return;
            }
            if (checkpoint.getFileName().equals(best)) {
                continue;
            }
            try {
                Path retired = checkpoint.resolveSibling(checkpoint.getFileName() + ".old-" + System.nanoTime());
                Files.move(checkpoint, retired, StandardCopyOption.ATOMIC_MOVE);
                AtomicFiles.deleteTree(retired);
            } catch (IOException e) {
                throw new CheckpointException("cannot remove the old checkpoint " + checkpoint + " (save_total_limit " + limit + "): " + e, e);
            }
            left--;
        }
    }

    private Path readLink(String name) {
        try {
            Path link = root.resolve(name);
            return Files.isSymbolicLink(link) ? Files.readSymbolicLink(link) : null;
        } catch (IOException e) {
            return null;
        }
    }

    /** Committed checkpoints, oldest first. */
    public List<Path> list() {
        List<Path> found = new ArrayList<>();
        if (!Files.isDirectory(root)) {
            return found;
        }
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(root, "checkpoint-*")) {
            for (Path entry : entries) {
                if (NAME.matcher(entry.getFileName().toString()).matches()) {
                    found.add(entry);
                }
            }
        } catch (IOException e) {
            throw new CheckpointException("cannot list " + root + ": " + e, e);
        }
        found.sort(Comparator.comparingLong(CheckpointStore::iteration));
        return found;
    }

    private static long iteration(Path checkpoint) {
        Matcher matcher = NAME.matcher(checkpoint.getFileName().toString());
        if (!matcher.matches()) {
            throw new IllegalStateException(checkpoint + " is no checkpoint directory");
        }
        return Long.parseLong(matcher.group(1));
    }

    /** The newest committed checkpoint of this run, if there is one. */
    public Optional<SavedCheckpoint> latest() {
        List<Path> found = list();
        return found.isEmpty() ? Optional.empty() : Optional.of(openCheckpoint(found.get(found.size() - 1)));
    }

    /**
     * The checkpoint that {@code --load} names: a {@code checkpoint-N} directory, a run directory (its newest), or a {@code save} directory (the newest run's newest).
     *
     * @throws CheckpointException when there is none, saying what was looked for
     */
    public static SavedCheckpoint open(Path load) {
        if (!Files.isDirectory(load)) {
            throw new CheckpointException("--load " + load + " is no directory: expected a checkpoint-N directory, or one that holds some");
        }
        Path directory = load.toAbsolutePath().normalize();
        if (NAME.matcher(directory.getFileName().toString()).matches()) {
            return openCheckpoint(directory);
        }
        Optional<SavedCheckpoint> own = new CheckpointStore(directory).latest();
        if (own.isPresent()) {
            return own.get();
        }
        for (Path run : RunDirectory.newestFirst(directory)) {
            Optional<SavedCheckpoint> latest = new CheckpointStore(run).latest();
            if (latest.isPresent()) {
                return latest.get();
            }
        }
        throw new CheckpointException("--load " + load + " holds no committed checkpoint (checkpoint-N with iter_*/manifest.json), neither itself nor"
                + " in its v* directories; to start from Hugging Face weights use --model");
    }

    private static SavedCheckpoint openCheckpoint(Path directory) {
        Path states = stateDirectory(directory, iteration(directory));
        CheckpointManifest manifest = CheckpointManifest.read(states);
        for (CheckpointManifest.StateFile file : manifest.files()) {
            long size;
            try {
                size = Files.size(states.resolve(file.name()));
            } catch (IOException e) {
                throw new CheckpointException(states.resolve(file.name()) + " is missing: " + e + "; use another checkpoint", e);
            }
            if (size != file.sizeBytes()) {
                throw new CheckpointException(states.resolve(file.name()) + " has " + size + " bytes, its manifest says " + file.sizeBytes()
                        + ": it is damaged; use another checkpoint");
            }
        }
        return new SavedCheckpoint(directory, manifest);
    }
}
