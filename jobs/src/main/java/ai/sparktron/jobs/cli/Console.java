package ai.sparktron.jobs.cli;

import java.io.PrintStream;

/**
 * Where a command writes for people.
 *
 * @param out results
 * @param err problems
 */
public record Console(PrintStream out, PrintStream err) {

    /** The process's own streams. */
    public static Console system() {
        return new Console(System.out, System.err);
    }
}
