package ai.sparktron.trainer.config;

import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** One option: its place in {@link Options} and everything its annotation says. */
final class OptionEntry {

    private final RecordComponent concern;
    private final RecordComponent component;
    private final Option option;
    private final String name;
    private final OptionType type;

    OptionEntry(RecordComponent concern, RecordComponent component) {
        this.concern = concern;
        this.component = component;
        this.option = component.getAnnotation(Option.class);
        if (option == null) {
            throw new IllegalStateException(concern.getType().getSimpleName() + "." + component.getName() + " has no @Option");
        }
        this.name = option.name().isEmpty() ? snakeCase(component.getName()) : option.name();
        this.type = OptionType.of(component.getGenericType(), this.name);
    }

    private static String snakeCase(String camelCase) {
        StringBuilder text = new StringBuilder();
        for (char c : camelCase.toCharArray()) {
            if (Character.isUpperCase(c)) {
                text.append('_');
            }
            text.append(Character.toLowerCase(c));
        }
        return text.toString();
    }

    String name() {
        return name;
    }

    Option option() {
        return option;
    }

    OptionType type() {
        return type;
    }

    /** The component of {@link Options} that holds this option's record. */
    RecordComponent concern() {
        return concern;
    }

    RecordComponent component() {
        return component;
    }

    String title() {
        return concern.getType().getAnnotation(Concern.class).title();
    }

    Set<Command> commands() {
        EnumSet<Command> commands = EnumSet.noneOf(Command.class);
        commands.addAll(List.of(concern.getType().getAnnotation(Concern.class).commands()));
        return commands;
    }

    /** First spelling, then the others with the same meaning; without the inverse. */
    List<String> spellings() {
        List<String> spellings = new ArrayList<>();
        spellings.add(name);
        spellings.addAll(List.of(option.alias()));
        return spellings;
    }

    /** Spellings with the opposite meaning. */
    List<String> inverses() {
        return List.of(option.inverse());
    }

    /** The default of a command as text; empty for absent. */
    String defaultText(Command command) {
        return command == Command.RLHF && !option.rlhfValue().isEmpty() ? option.rlhfValue() : option.value();
    }

    Object defaultValue(Command command) {
        return type.parse(words(defaultText(command)));
    }

    private static List<String> words(String text) {
        return text.isEmpty() ? List.of() : List.of(text.split(" "));
    }

    /** The value in a set of options. */
    Object valueIn(Options options) {
        return OptionTable.read(component, (Record) OptionTable.read(concern, options));
    }

    /** Whether the option can have any effect: {@link Status#BUILT}. */
    boolean built() {
        return option.status() == Status.BUILT;
    }

    /** The values that may be given now; empty for any. */
    List<String> choices() {
        List<String> all = option.of().length > 0 ? List.of(option.of()) : type.choices();
        List<String> planned = List.of(option.planned());
        return all.stream().filter(choice -> !planned.contains(choice)).toList();
    }

    /** Whether a single given word is a known value that is not built yet. */
    boolean plannedValue(String word) {
        return List.of(option.planned()).contains(word.toLowerCase(Locale.ROOT).replace('-', '_'))
                || List.of(option.planned()).contains(word);
    }

    @Override
    public String toString() {
        return "--" + name;
    }
}
