package ai.sparktron.trainer.train;

import ai.sparktron.trainer.checkpoint.CheckpointStore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** Tests that run {@code rlhf} on answers. */
abstract class AnswerRunTest {

    private final String type;
    private final String rowForm;
    @TempDir
    protected Path directory;
    protected AnswerRows rows;

    /** Of an {@code rlhf_type}, on rows of one form. */
    AnswerRunTest(String type, String rowForm) {
        this.type = type;
        this.rowForm = rowForm;
    }

    @BeforeEach
    void prepare() throws IOException {
        rows = new AnswerRows(directory, rowForm);
    }

    /** A run of the tiny model with these options besides. */
    TinyRun.Listener run(String name, int ranks, String... words) throws Exception {
        return rows.run(name, ranks, joined(new String[] {"--rlhf_type", type}, words));
    }

    static String[] joined(String[] words, String... more) {
        return Stream.concat(Stream.of(words), Stream.of(more)).toArray(String[]::new);
    }

    /** What a run saved last. */
    Path checkpoint(String run) {
        return CheckpointStore.open(directory.resolve(run)).directory();
    }

    /** Runs on one rank and on a grid, which must have the same numbers. @return the former */
    TinyRun.Listener sameOn(int ranks, String grid, String... words) throws Exception {
        TinyRun.Listener one = run("one", 1, words);
        AnswerRows.assertSameRuns(one, run("many", ranks, joined(words, grid.split(" "))));
        return one;
    }
}
