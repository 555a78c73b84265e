package ai.sparktron.notebooks.runner;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import scala.Console;
import scala.collection.immutable.List$;
import scala.tools.nsc.Settings;
import scala.tools.nsc.interpreter.IMain;
import scala.tools.nsc.interpreter.Results;
import scala.tools.nsc.interpreter.shell.ReplReporterImpl;
import scala.tools.nsc.interpreter.shell.ShellConfig$;

/** The interpreter behind {@code %spark}: Scala's own, on this JVM's class path. */
final class ScalaRepl implements AutoCloseable {

    private final StringWriter messages = new StringWriter();
    private final IMain interpreter;

    ScalaRepl() {
        Settings settings = new Settings();
        settings.processArgumentString("-usejavacp -deprecation");
        interpreter = new IMain(settings, new ReplReporterImpl(ShellConfig$.MODULE$.apply(settings), settings, new PrintWriter(messages, true)));
        interpreter.initializeCompiler();
    }

    /** Gives a name to an object. @throws IllegalStateException when its type cannot be named */
    void bind(String name, Class<?> type, Object value) {
        if (interpreter.bind(name, type.getName(), value, List$.MODULE$.empty()) != success()) {
            throw new IllegalStateException("cannot bind " + name + ": " + messages);
        }
    }

    /**
     * What came of some lines.
     *
     * @param succeeded whether they compiled and ran to their end
     * @param printed   what they printed to standard output
     * @param messages  what the interpreter had to say: values, warnings, errors
     */
    record Outcome(boolean succeeded, String printed, String messages) {
    }

    /** Compiles and runs lines. As in Zeppelin, what Scala's and Java's standard output get is their output. */
    Outcome run(String lines) {
        messages.getBuffer().setLength(0);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        PrintStream before = System.out;
        PrintStream printed = new PrintStream(bytes, true, StandardCharsets.UTF_8);
        System.setOut(printed);
        try {
            // Incomplete lines are no success: a paragraph ends where it ends.
            boolean succeeded = Console.withOut(printed, () -> interpreter.interpret(lines) == success());
            printed.flush();
            return new Outcome(succeeded, bytes.toString(StandardCharsets.UTF_8), messages.toString());
        } finally {
            System.setOut(before);
        }
    }

    private static Results.Result success() {
        return Results.Success$.MODULE$;
    }

    @Override
    public void close() {
        interpreter.close();
    }
}
