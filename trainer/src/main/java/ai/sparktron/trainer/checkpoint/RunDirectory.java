package ai.sparktron.trainer.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Version directories of {@code --save} ({@code add_version}): {@code v0-20260101-120000}, {@code v1-...}, the number being one more than the highest there. */
public final class RunDirectory {

    private static final Pattern NAME = Pattern.compile("v(\\d+)-.*");
    private static final DateTimeFormatter STAMP = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss");

    private RunDirectory() {
    }

    /**
     * Makes the directory of a new run.
     *
     * @param save       {@code --save}
     * @param addVersion {@code --add_version}: false = {@code save} itself
     * @param now        time for the name
     * @throws CheckpointException when it cannot be made
     */
    public static Path create(Path save, boolean addVersion, LocalDateTime now) {
        long version = newestFirst(save).stream().mapToLong(RunDirectory::version).max().orElse(-1) + 1;
        Path run = addVersion ? save.resolve("v" + version + "-" + STAMP.format(now)) : save;
        try {
            return Files.createDirectories(run).toAbsolutePath().normalize();
        } catch (IOException e) {
            throw new CheckpointException("--save " + save + " cannot be written: " + e + "; name a directory that can", e);
        }
    }

    /** Version directories in {@code save}, highest number first. */
    static List<Path> newestFirst(Path save) {
        if (!Files.isDirectory(save)) {
            return List.of();
        }
        try (Stream<Path> entries = Files.list(save)) {
            return entries.filter(path -> Files.isDirectory(path) && NAME.matcher(path.getFileName().toString()).matches())
                    .sorted(Comparator.comparingLong(RunDirectory::version).reversed()).toList();
        } catch (IOException e) {
            throw new CheckpointException("cannot list " + save + ": " + e, e);
        }
    }

    private static long version(Path run) {
        Matcher matcher = NAME.matcher(run.getFileName().toString());
        if (!matcher.matches()) {
            throw new IllegalStateException(run + " is no version directory");
        }
        return Long.parseLong(matcher.group(1));
    }
}
