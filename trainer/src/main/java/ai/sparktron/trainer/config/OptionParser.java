package ai.sparktron.trainer.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParseResult;

/**
 * Words of a command line to {@link Options}: {@code --name value}, booleans {@code true|false}, lists by spaces, JSON as text. Options of a
 * {@code --config} file and settings come from below: a word on the command line goes before the file, the file before a setting, a
 * setting before the default. Every problem is collected; all are thrown at once.
 */
public final class OptionParser {

    /** Whether what a complete command line must have (a model, a data set) is asked for. */
    public enum Completeness { COMPLETE, PARTIAL }

    private final Command command;
    private final List<String> problems = new ArrayList<>();
    private final Map<OptionEntry, Object> values = new LinkedHashMap<>();
    private final Map<OptionEntry, String> spelledAs = new LinkedHashMap<>();
    private final Set<String> given = new TreeSet<>();

    private OptionParser(Command command) {
        this.command = command;
    }

    /**
     * Options from a command line.
     *
     * @param words all words after the command
     * @param settings options by name from a lower source, as from Spark's {@code spark.sparktron.*}
     * @throws ConfigurationException with all problems found
     */
    public static Options parse(Command command, String[] words, Map<String, String> settings, Completeness completeness) {
        OptionParser parser = new OptionParser(command);
        parser.readWords(List.of(words));
        parser.configFile().ifPresent(parser::readFile);
        Map<String, List<String>> lowest = new LinkedHashMap<>();
        settings.forEach((name, value) -> lowest.put(name, splitIfList(command, name, value)));
        parser.readSource(lowest, "setting spark.sparktron.");
        Options options = OptionTable.build(command, parser.given, parser.values);
        if (parser.problems.isEmpty()) {
            parser.problems.addAll(CrossChecks.problems(options));
        }
        if (parser.problems.isEmpty() && completeness == Completeness.COMPLETE) {
            parser.problems.addAll(CrossChecks.missing(options));
        }
        if (!parser.problems.isEmpty()) {
            throw new ConfigurationException(parser.problems);
        }
        return options;
    }

    /** Options from values by name, as {@code args.json} and notebooks have them. */
    static Options fromValues(Command command, Map<String, List<String>> source, String where, Set<String> given) {
        OptionParser parser = new OptionParser(command);
        parser.readSource(source, where);
        if (parser.problems.isEmpty()) {
            Options options = OptionTable.build(command, given, parser.values);
            parser.problems.addAll(CrossChecks.problems(options));
            if (parser.problems.isEmpty()) {
                return options;
            }
        }
        throw new ConfigurationException(parser.problems);
    }

    private static List<String> splitIfList(Command command, String name, String value) {
        boolean list = OptionTable.find(command, name).filter(entry -> entry.type().form() == OptionType.Form.LIST).isPresent();
        return list ? List.of(value.trim().split("\\s+")) : List.of(value);
    }

    private void readWords(List<String> words) {
        Map<String, OptionEntry> spellings = new LinkedHashMap<>();
        CommandSpec spec = CommandSpec.create().name(command.word());
        spec.parser().collectErrors(true).unmatchedArgumentsAllowed(true).unmatchedOptionsArePositionalParams(false)
                .overwrittenOptionsAllowed(true).trimQuotes(false);
        for (OptionEntry entry : OptionTable.of(command)) {
            List<String> names = new ArrayList<>(entry.spellings());
            names.addAll(entry.inverses());
            for (String name : names) {
                spellings.put("--" + name, entry);
                spec.addOption(optionSpec("--" + name, entry));
            }
            if (entry.option().positional()) {
                boolean list = entry.type().form() == OptionType.Form.LIST;
                spec.addPositional(PositionalParamSpec.builder().paramLabel(entry.name()).arity(list ? "0..*" : "0..1").type(list ? List.class : String.class)
                        .auxiliaryTypes(String.class).build());
            }
        }
        ParseResult result = new CommandLine(spec).parseArgs(withoutUnknown(words, spellings.keySet()).toArray(String[]::new));
        result.errors().forEach(error -> problems.add(text(error)));
        for (OptionSpec option : new LinkedHashSet<>(result.matchedOptions())) {
            takeSpelling(spellings.get(option.longestName()), option);
        }
        for (PositionalParamSpec positional : result.matchedPositionals()) {
            OptionTable.find(command, positional.paramLabel())
                    .ifPresent(entry -> take(entry, entry.name(), positional.stringValues(), "on the command line"));
        }
        result.unmatched().forEach(word -> problems.add("'" + word + "' belongs to no option; write --name value, and quote a value that has spaces"));
    }

    /** Refuses unknown options and takes them out together with their values, which would else be refused a second time. */
    private List<String> withoutUnknown(List<String> words, Set<String> known) {
        List<String> kept = new ArrayList<>();
        boolean unknown = false;
        for (String word : words) {
            if (word.startsWith("--")) {
                String name = word.contains("=") ? word.substring(0, word.indexOf('=')) : word;
                unknown = !known.contains(name);
                if (unknown) {
                    problems.add(Suggestions.unknown(command, name.substring(2), "the command line"));
                }
            }
            if (!unknown) {
                kept.add(word);
            }
        }
        return kept;
    }

    private String text(Exception error) {
        if (error instanceof CommandLine.MissingParameterException missing && missing.getMissing().get(0) instanceof OptionSpec option) {
            String expected = OptionTable.find(command, option.longestName().substring(2)).map(entry -> entry.type().expected()).orElse("value");
            return option.longestName() + " on the command line: no value was given; expected: " + expected;
        }
        return error.getMessage();
    }

    private static OptionSpec optionSpec(String name, OptionEntry entry) {
        OptionSpec.Builder builder = OptionSpec.builder(name);
        if (entry.type().form() == OptionType.Form.LIST) {
            return builder.arity("1..*").type(List.class).auxiliaryTypes(String.class).build();
        }
        if (entry.type().scalar() == Boolean.class) {
            return builder.arity("0..1").fallbackValue("true").type(List.class).auxiliaryTypes(String.class).build();
        }
        return builder.arity("1").type(List.class).auxiliaryTypes(String.class).build();
    }

    private void takeSpelling(OptionEntry entry, OptionSpec option) {
        String spelling = option.longestName().substring(2);
        List<String> words = option.stringValues();
        if (entry.type().form() != OptionType.Form.LIST && words.size() > 1) {
            problems.add("--" + spelling + " was given " + words.size() + " times (" + String.join(", ", words) + "); give it once");
            return;
        }
        take(entry, spelling, words, "on the command line");
    }

    private Optional<ConfigFile> configFile() {
        for (Map.Entry<OptionEntry, Object> value : values.entrySet()) {
            if (value.getKey().name().equals("config")) {
                return ((Optional<?>) value.getValue()).map(path -> new ConfigFile(String.valueOf(path)));
            }
        }
        return Optional.empty();
    }

    private void readFile(ConfigFile file) {
        try {
            readSource(file.read(), file.path());
        } catch (ConfigurationException e) {
            problems.addAll(e.problems());
        }
    }

    /** Takes the values of a source that are not there from a higher source. */
    private void readSource(Map<String, List<String>> source, String where) {
        Set<OptionEntry> higher = Set.copyOf(values.keySet());
        source.forEach((spelling, words) -> {
            Optional<OptionEntry> entry = OptionTable.find(command, spelling);
            if (entry.isEmpty()) {
                problems.add(Suggestions.unknown(command, spelling, where));
            } else if (!higher.contains(entry.get())) {
                take(entry.get(), spelling, words, "in " + where);
            }
        });
    }

    private void take(OptionEntry entry, String spelling, List<String> words, String where) {
        String earlier = spelledAs.putIfAbsent(entry, spelling);
        if (earlier != null && !earlier.equals(spelling)) {
            problems.add("--" + earlier + " and --" + spelling + " are two names of the same option, and both were given; keep one");
            return;
        }
        List<String> said = meant(entry, spelling, words);
        ValueChecks.problem(entry, command, said).ifPresentOrElse(
                problem -> problems.add("--" + spelling + " " + shown(entry, words) + " " + where + ": " + problem),
                () -> values.put(entry, entry.type().parse(said)));
        given.add(entry.name());
    }

    /** The words as the first spelling would have them: nothing for an empty text, the other boolean for the inverse. */
    private static List<String> meant(OptionEntry entry, String spelling, List<String> words) {
        if (words.equals(List.of("")) && entry.type().form() != OptionType.Form.ONE) {
            return List.of();
        }
        if (!entry.inverses().contains(spelling)) {
            return words;
        }
        return words.stream().map(word -> switch (word.toLowerCase(Locale.ROOT)) {
            case "true" -> "false";
            case "false" -> "true";
            default -> word;
        }).toList();
    }

    private static String shown(OptionEntry entry, List<String> words) {
        return entry.option().secret() ? "***" : words.stream().map(word -> word.isEmpty() ? "''" : word).collect(Collectors.joining(" "));
    }
}
