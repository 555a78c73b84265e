package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.barrier.RunObserver;
import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.dataset.Message;
import ai.sparktron.pipeline.dataset.Role;
import ai.sparktron.pipeline.spark.PreparedData;
import ai.sparktron.trainer.config.Command;
import ai.sparktron.trainer.config.OptionParser;
import ai.sparktron.trainer.config.OptionParser.Completeness;
import ai.sparktron.trainer.config.OptionPrinter;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.train.RunResult;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;

/**
 * The commands that need Spark as calls on a session that exists, for notebooks and programs. Options have their names of the command line:
 *
 * <pre>{@code
 * RunResult result = Sparktron.on(spark)
 *     .set("model", "examples/models/qwen3-tiny").set("perform_initialization", true)
 *     .set("dataset", "a.jsonl", "b.jsonl#500")
 *     .set("train_iters", 100).set("num_ranks", 2).set("save", "output")
 *     .sft();
 * }</pre>
 *
 * <p>The session is the caller's and stays open. Wrong options throw a {@code ConfigurationException} that lists every problem; a failed run throws a
 * {@code BarrierRunException} that names the first cause.
 */
public final class Sparktron {

    private final SparkSession session;
    private final Map<String, List<String>> given;
    private final Console console;
    private final RunObserver observer;

    private Sparktron(SparkSession session, Map<String, List<String>> given, Console console, RunObserver observer) {
        this.session = session;
        this.given = given;
        this.console = console;
        this.observer = observer;
    }

    /** Calls on a session, without options yet; lines for people go to the process's output. */
    public static Sparktron on(SparkSession session) {
        Console console = Console.system();
        return new Sparktron(session, Map.of(), console, new RunConsole(console));
    }

    /** The same with an option set; a list option takes several values. */
    public Sparktron set(String option, Object... values) {
        Map<String, List<String>> more = new LinkedHashMap<>(given);
        more.put(option, Arrays.stream(values).map(String::valueOf).toList());
        return new Sparktron(session, more, console, observer);
    }

    /** The same with another place for lines and another listener of runs. */
    public Sparktron reportTo(Console lines, RunObserver listener) {
        return new Sparktron(session, given, lines, listener);
    }

    /** Fine-tunes. */
    public RunResult sft() throws IOException, InterruptedException {
        return train(Command.SFT);
    }

    /** Pre-trains on plain text. */
    public RunResult pt() throws IOException, InterruptedException {
        return train(Command.PT);
    }

    /** Trains on preferences: pairs of answers, or answers with labels, as {@code rlhf_type} says. */
    public RunResult rlhf() throws IOException, InterruptedException {
        return train(Command.RLHF);
    }

    /** Makes shards in {@code output_dir}. */
    public PreparedData prepare() throws IOException {
        Options options = options(Command.PREPARE);
        return new DataPreparation(options, RunFolders.ofPreparation(options), session, console).forLater();
    }

    /**
     * Asks {@code model} one question, without earlier rounds, and waits for the answer. Runs in this process; the model is open as long as it takes.
     *
     * @param question a user's turn
     */
    public Answerer.Answer ask(String question) throws IOException {
        Conversation conversation = new Conversation(List.of(new Message(Role.USER, question)));
        return new InferCommand(options(Command.INFER), console).open(answerer -> answerer.answer(conversation, text -> { }));
    }

    private RunResult train(Command command) throws IOException, InterruptedException {
        Options options = options(command);
        return new Training(options, RunFolders.ofTraining(options), session, console).run(observer);
    }

    private Options options(Command command) throws IOException {
        List<String> words = new ArrayList<>();
        given.forEach((option, values) -> {
            words.add("--" + option);
            words.addAll(values);
        });
        Options options = RunFolders.withReference(RunFolders.withModel(OptionParser.parse(command, words.toArray(String[]::new), Map.of(), Completeness.COMPLETE)));
        console.out().print(OptionPrinter.effective(options));
        return options;
    }
}
