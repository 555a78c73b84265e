package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.barrier.BarrierSettings;
import ai.sparktron.jobs.barrier.ExitCode;
import ai.sparktron.trainer.config.Command;
import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.OptionParser;
import ai.sparktron.trainer.config.OptionPrinter;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.config.Suggestions;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Entry point of {@code bin/sparktron} and of {@code spark-submit --class ai.sparktron.jobs.cli.Main}.
 *
 * <p>Exit codes are those of {@link ExitCode}. Errors are messages without stack traces; {@code --debug true} adds them. Inside a
 * program that owns the Spark context (a notebook, a Databricks job) the process is never ended and the context never stopped: a
 * failure is thrown instead.
 */
public final class Main {

    private static final String SETTING_PREFIX = "spark.sparktron.";

    private final Console console;

    /** A command line that writes to the given console. */
    public Main(Console console) {
        this.console = console;
    }

    /**
     * Runs the command line and ends the process with its exit code, unless someone else owns the process.
     *
     * @param args the command and its options
     */
    public static void main(String[] args) {
        boolean guest = Host.isGuest();
        ExitCode code = new Main(Console.system()).run(args);
        System.out.flush();
        System.err.flush();
        if (!guest) {
            System.exit(code.status());
        }
        if (code != ExitCode.OK) {
            throw new CommandException(code, "sparktron " + String.join(" ", args) + " failed; its message is above", null);
        }
    }

    /** Runs a command line. Never throws: a failure is printed, and its exit code returned. */
    public ExitCode run(String... args) {
        try {
            return dispatch(args);
        } catch (Exception e) {
            Failure failure = Failure.of(e);
            console.out().flush();
            console.err().println("sparktron: " + failure.message());
            if (isDebug(args) || failure.unforeseen()) {
                e.printStackTrace(console.err());
            }
            return failure.code();
        }
    }

    private ExitCode dispatch(String[] args) throws Exception {
        String word = args.length == 0 ? "help" : args[0];
        if (word.equals("help") || word.equals("--help") || word.equals("-h")) {
            return help(args);
        }
        if (word.equals("--version") || word.equals("version")) {
            console.out().println("sparktron " + version());
            return ExitCode.OK;
        }
        Command command = Command.of(word).orElseThrow(() -> unknownCommand(word));
        String[] words = Arrays.copyOfRange(args, 1, args.length);
        if (List.of(words).contains("--help") || List.of(words).contains("-h")) {
            console.out().print(OptionPrinter.help(command));
            return ExitCode.OK;
        }
        Options options = RunFolders.withReference(RunFolders.withModel(OptionParser.parse(command, words, settings(), OptionParser.Completeness.COMPLETE)));
        (options.plan().json() ? console.err() : console.out()).print(OptionPrinter.effective(options));
        return run(options);
    }

    private ExitCode run(Options options) throws Exception {
        return switch (options.command()) {
            case VERIFY -> new VerifyCommand(options, console).run();
            case EXPORT -> new ExportCommand(options, console).run();
            case INFER -> new InferCommand(options, console).run();
            case PREPARE, PT, SFT, RLHF -> HostTraining.isNeeded() ? new HostTraining(options, console).run() : SparkCommands.run(options, console);
            case PLAN -> new PlanCommand(options, console).run();
        };
    }

    private ExitCode help(String[] args) {
        if (List.of(args).contains("--markdown")) {
            console.out().print(OptionPrinter.markdown());
        } else if (args.length > 1) {
            console.out().print(OptionPrinter.help(Command.of(args[1]).orElseThrow(() -> unknownCommand(args[1]))));
        } else {
            console.out().print(OptionPrinter.overview());
        }
        return ExitCode.OK;
    }

    private static ConfigurationException unknownCommand(String word) {
        List<String> known = Arrays.stream(Command.values()).map(Command::word).toList();
        List<String> near = Suggestions.nearest(word, known);
        return new ConfigurationException("'" + word + "' is not a command; "
                + (near.isEmpty() ? "there are " + String.join(", ", known) : "did you mean " + String.join(" or ", near) + "?"));
    }

    /** Options that came to Spark as {@code --conf spark.sparktron.NAME=VALUE}; SparkSubmit makes them system properties. */
    private static Map<String, String> settings() {
        Map<String, String> settings = new TreeMap<>();
        for (String name : System.getProperties().stringPropertyNames()) {
            if (name.startsWith(SETTING_PREFIX) && !name.startsWith(BarrierSettings.PREFIX)) {
                settings.put(name.substring(SETTING_PREFIX.length()), System.getProperty(name));
            }
        }
        return settings;
    }

    private static boolean isDebug(String[] args) {
        int at = List.of(args).indexOf("--debug");
        return at >= 0 && (at + 1 == args.length || !args[at + 1].equals("false"));
    }

    private static String version() {
        String version = Main.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }
}
