package ai.sparktron.trainer.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Options as text for people: the help of a command, the effective options of a run, and the reference in Markdown. */
public final class OptionPrinter {

    private static final int WIDTH = 110;

    private OptionPrinter() {
    }

    /** All commands, one a line. */
    public static String overview() {
        StringBuilder text = new StringBuilder("Usage: sparktron COMMAND [--option value ...]\n\nCommands:\n");
        for (Command command : Command.values()) {
            text.append(String.format("  %-8s %s%n", command.word(), command.summary()));
        }
        return text.append("\nsparktron COMMAND --help lists the options of a command; sparktron help --markdown prints all.\n").toString();
    }

    /** The options of a command under the headings of their concerns. */
    public static String help(Command command) {
        StringBuilder text = new StringBuilder("sparktron " + command.word() + ": " + command.summary() + "\n");
        String title = "";
        for (OptionEntry entry : OptionTable.of(command)) {
            if (!entry.title().equals(title)) {
                title = entry.title();
                text.append('\n').append(title).append('\n');
            }
            text.append("  ").append(heading(entry, command)).append('\n');
            for (String line : wrapped(documentation(entry))) {
                text.append("        ").append(line).append('\n');
            }
        }
        return text.toString();
    }

    private static String heading(OptionEntry entry, Command command) {
        StringBuilder text = new StringBuilder();
        for (String spelling : entry.spellings()) {
            text.append(text.isEmpty() ? "--" : ", --").append(spelling);
        }
        String expected = entry.choices().isEmpty() ? entry.type().expected() : String.join("|", entry.choices());
        text.append(" <").append(expected).append(entry.type().form() == OptionType.Form.LIST ? " ...>" : ">");
        String standard = entry.defaultText(command);
        return text.append(standard.isEmpty() ? "" : " = " + standard).toString();
    }

    private static String documentation(OptionEntry entry) {
        Option option = entry.option();
        StringBuilder text = new StringBuilder(option.doc());
        if (!option.range().isEmpty()) {
            text.append(" Range ").append(option.range()).append('.');
        }
        if (option.inverse().length > 0) {
            text.append(" Opposite: --").append(String.join(", --", option.inverse())).append('.');
        }
        if (option.status() == Status.PLANNED) {
            text.append(" NOT BUILT YET.");
        } else if (option.planned().length > 0) {
            text.append(" Not built yet: ").append(String.join(", ", option.planned())).append('.');
        }
        if (option.status() == Status.NO_MEANING) {
            text.append(" Accepted without effect: ");
            return text.append(option.note()).toString();
        }
        return option.note().isEmpty() ? text.toString() : text.append(" [").append(option.note()).append(']').toString();
    }

    private static List<String> wrapped(String text) {
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        for (String word : text.split(" ")) {
            if (line.length() + word.length() > WIDTH - 8 && !line.isEmpty()) {
                lines.add(line.toString());
                line.setLength(0);
            }
            line.append(line.isEmpty() ? "" : " ").append(word);
        }
        lines.add(line.toString());
        return lines;
    }

    /**
     * The effective options of a run: what was given, what follows, and what was given without having an effect here. Options at their
     * defaults are in {@code args.json}.
     */
    public static String effective(Options options) {
        StringBuilder text = new StringBuilder("Options of sparktron " + options.command().word() + "\n");
        for (OptionEntry entry : OptionTable.of(options.command())) {
            if (options.given(entry.name())) {
                String value = entry.option().secret() ? "***" : String.join(" ", entry.type().words(entry.valueIn(options)));
                text.append(row(entry.name(), value, "given"));
                if (entry.option().status() == Status.NO_MEANING) {
                    text.append(row("", "", "no effect: " + entry.option().note()));
                }
            }
        }
        if (options.command().trains()) {
            for (Map.Entry<String, String> derived : options.derived().printed().entrySet()) {
                text.append(row(derived.getKey(), derived.getValue(), "derived"));
            }
        }
        return text.toString();
    }

    private static String row(String name, String value, String source) {
        return String.format("  %-32s %-40s %s%n", name, value, source).stripTrailing() + "\n";
    }

    /** Every option of every command as Markdown tables, one a concern. */
    public static String markdown() {
        StringBuilder text = new StringBuilder("# Options\n\nGenerated by `sparktron help --markdown`.\n");
        String title = "";
        for (OptionEntry entry : OptionTable.all()) {
            if (!entry.title().equals(title)) {
                title = entry.title();
                text.append("\n## ").append(title).append("\n\nCommands: ")
                        .append(String.join(", ", entry.commands().stream().map(Command::word).toList()))
                        .append("\n\n| option | default | state | meaning |\n|---|---|---|---|\n");
            }
            String standard = entry.option().value() + (entry.option().rlhfValue().isEmpty() ? "" : " (rlhf: " + entry.option().rlhfValue() + ")");
            text.append("| ").append(String.join(", ", entry.spellings())).append(" | ").append(standard.replace("|", "\\|")).append(" | ")
                    .append(switch (entry.option().status()) {
                        case BUILT -> "built";
                        case PLANNED -> "not built yet";
                        case NO_MEANING -> "no effect";
                    })
                    .append(" | ").append(documentation(entry).replace("|", "\\|")).append(" |\n");
        }
        return text.toString();
    }
}
