package ai.sparktron.trainer.train;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** Tests of whole runs: a tiny model, rows to train on and others to evaluate on, in a folder of the test's own. */
abstract class TinyRunTest {

    @TempDir
    Path directory;
    TinyRun tiny;
    Path train;
    Path validation;

    @BeforeEach
    final void prepareRun() throws IOException {
        tiny = new TinyRun(directory);
        train = tiny.shards("train", 53, 1);
        validation = tiny.shards("validation", 5, 2);
    }
}
