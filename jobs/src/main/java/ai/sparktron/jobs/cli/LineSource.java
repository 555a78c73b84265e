package ai.sparktron.jobs.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.Charset;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/** Lines a person types: with editing and history on a terminal, as they come from a pipe. */
interface LineSource extends AutoCloseable {

    /** The next line after a prompt; null at the end, which on a terminal is Ctrl-D or Ctrl-C. */
    String next(String prompt) throws IOException;

    @Override
    void close() throws IOException;

    /** Lines of a stream; the prompt is printed. */
    static LineSource of(InputStream stream, PrintStream out) {
        BufferedReader reader = new BufferedReader(new InputStreamReader(stream, Charset.defaultCharset()));
        return new LineSource() {
            @Override
            public String next(String prompt) throws IOException {
                out.print(prompt);
                out.flush();
                return reader.readLine();
            }

            @Override
            public void close() {
                // The process's input is not ours to close.
            }
        };
    }

    /** The terminal of the process. */
    static LineSource terminal() throws IOException {
        Terminal terminal = TerminalBuilder.builder().system(true).dumb(true).build();
        LineReader reader = LineReaderBuilder.builder().terminal(terminal).build();
        return new LineSource() {
            @Override
            public String next(String prompt) {
                try {
                    return reader.readLine(prompt);
                } catch (EndOfFileException | UserInterruptException e) {
                    return null;
                }
            }

            @Override
            public void close() throws IOException {
                terminal.close();
            }
        };
    }
}
