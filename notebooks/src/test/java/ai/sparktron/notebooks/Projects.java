package ai.sparktron.notebooks;

import java.nio.file.Files;
import java.nio.file.Path;

/** Where the project lies. */
final class Projects {

    private Projects() {
    }

    /** The folder with {@code examples} and {@code notebooks}. */
    static Path root() {
        Path folder = Path.of("").toAbsolutePath();
        while (!Files.isDirectory(folder.resolve("examples/models"))) {
            folder = folder.getParent();
        }
        return folder;
    }

    /** The only note with the given name. */
    static Path note(String file) {
        return root().resolve("notebooks/notes").resolve(file);
    }
}
