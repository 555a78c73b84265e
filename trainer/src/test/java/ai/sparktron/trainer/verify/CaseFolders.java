package ai.sparktron.trainer.verify;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Where the reference cases are: beside the test classes, or unpacked from the jar that both are in on a host that only has the bundle for GPUs. */
public final class CaseFolders {

    /** Holds a folder for each case. */
    public static final Path ALL = find();

    private CaseFolders() {
    }

    private static Path find() {
        try {
            URI one = CaseFolders.class.getResource("/reference-cases/qwen3/config.json").toURI();
            if (!one.getScheme().equals("jar")) {
                return Path.of(one).getParent().getParent();
            }
            try (FileSystem jar = FileSystems.newFileSystem(one, Map.of())) {
                return unpacked(jar.provider().getPath(one).getParent().getParent());
            }
        } catch (IOException e) {
            throw new UncheckedIOException("the reference cases cannot be unpacked", e);
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Path unpacked(Path from) throws IOException {
        Path to = Files.createTempDirectory("reference-cases");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(to)));
        for (Path path : tree(from)) {
            Path copy = to.resolve(from.relativize(path).toString());
            if (Files.isDirectory(path)) {
                Files.createDirectories(copy);
            } else {
                Files.copy(path, copy);
            }
        }
        return to;
    }

    private static List<Path> tree(Path root) throws IOException {
        try (Stream<Path> all = Files.walk(root)) {
            return all.toList();
        }
    }

    private static void delete(Path folder) {
        try {
            tree(folder).stream().sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(file -> file.delete());
        } catch (IOException e) {
            // A temporary folder that cannot be read stays.
            System.err.println(folder + " stays: " + e);
        }
    }
}
