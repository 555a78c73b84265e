package ai.sparktron.jobs.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.sparktron.jobs.barrier.ExitCode;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Command lines in this process, on a Spark of two cores; what they print is kept. */
final class CommandLine implements AutoCloseable {

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    CommandLine() {
        System.setProperty("spark.master", "local[2]");
        System.setProperty("spark.ui.enabled", "false");
    }

    @Override
    public void close() {
        System.clearProperty("spark.master");
        System.clearProperty("spark.ui.enabled");
    }

    /** A command line; lists count as their elements. */
    static List<String> words(String command, Object... words) {
        List<String> args = new ArrayList<>(List.of(command));
        for (Object word : words) {
            if (word instanceof List<?> several) {
                several.forEach(one -> args.add(String.valueOf(one)));
            } else {
                args.add(String.valueOf(word));
            }
        }
        return args;
    }

    /** Runs one that must succeed. */
    void run(String command, Object... words) {
        ExitCode code = code(command, words);
        assertEquals(ExitCode.OK, code, () -> printed() + err.toString(StandardCharsets.UTF_8));
    }

    /** Runs one that must fail. @return what it says */
    String refused(String command, Object... words) {
        err.reset();
        assertEquals(ExitCode.CONFIGURATION, code(command, words), this::printed);
        return err.toString(StandardCharsets.UTF_8);
    }

    private ExitCode code(String command, Object... words) {
        Console console = new Console(new PrintStream(out, true, StandardCharsets.UTF_8), new PrintStream(err, true, StandardCharsets.UTF_8));
        return new Main(console).run(words(command, words).toArray(String[]::new));
    }

    /** All that went to the output so far. */
    String printed() {
        return out.toString(StandardCharsets.UTF_8);
    }
}
