package ai.sparktron.jobs.cli;

import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.dataset.Message;
import ai.sparktron.pipeline.dataset.Role;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A conversation in the terminal: prompt {@code <<<}, answers streamed, earlier rounds remembered. {@code clear} forgets them,
 * {@code reset-system} asks for another system message, {@code multi-line} reads until a line that ends with {@code #},
 * {@code exit} or the end of the input leaves.
 */
final class ChatTerminal {

    private static final String PROMPT = "<<< ";

    private final Answerer answerer;
    private final LineSource lines;
    private final Console console;
    private final boolean stream;
    private final List<Message> rounds = new ArrayList<>();
    private Optional<String> system;
    private boolean multiLine;

    /**
     * A conversation that has not begun.
     *
     * @param system system message; absent: the template's own
     * @param stream whether answers are printed as they are made
     */
    ChatTerminal(Answerer answerer, LineSource lines, Console console, Optional<String> system, boolean stream) {
        this.answerer = answerer;
        this.lines = lines;
        this.console = console;
        this.system = system;
        this.stream = stream;
    }

    /** Talks until the person leaves. */
    void run() throws IOException {
        console.out().println("Ask; clear forgets the conversation, reset-system changes the system message, multi-line reads until '#', exit leaves.");
        for (String line = read(); line != null; line = read()) {
            switch (line.strip()) {
                case "" -> { }
                case "exit", "quit" -> {
                    return;
                }
                case "clear" -> rounds.clear();
                case "multi-line" -> multiLine = true;
                case "single-line" -> multiLine = false;
                case "reset-system" -> resetSystem();
                default -> ask(line);
            }
        }
        console.out().println();
    }

    private String read() throws IOException {
        String line = lines.next(PROMPT);
        if (!multiLine || line == null || line.strip().equals("single-line") || line.strip().equals("exit")) {
            return line;
        }
        StringBuilder text = new StringBuilder();
        while (line != null && !line.endsWith("#")) {
            text.append(line).append('\n');
            line = lines.next("... ");
        }
        return line == null ? null : text.append(line, 0, line.length() - 1).toString();
    }

    private void resetSystem() throws IOException {
        String text = lines.next("system <<< ");
        system = Optional.ofNullable(text).filter(given -> !given.isBlank());
        rounds.clear();
    }

    private void ask(String question) {
        List<Message> messages = new ArrayList<>();
        system.ifPresent(text -> messages.add(new Message(Role.SYSTEM, text)));
        messages.addAll(rounds);
        Message asked = new Message(Role.USER, question);
        messages.add(asked);
        EmptyThought shown = new EmptyThought(piece -> {
            console.out().print(piece);
            console.out().flush();
        });
        Answerer.Answer answer;
        try {
            answer = answerer.answer(new Conversation(messages), stream ? shown : piece -> { });
        } catch (IllegalArgumentException e) {
            console.err().println("sparktron: " + e.getMessage());
            return;
        }
        if (!stream) {
            shown.accept(answer.text());
        }
        shown.finish();
        console.out().println();
        console.out().println("-".repeat(50));
        rounds.add(asked);
        rounds.add(new Message(Role.ASSISTANT, answer.text()));
    }
}
