package ai.sparktron.trainer.config;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** All options, read from the annotations of the records of {@link Options}, in the order in which the help shows them. */
final class OptionTable {

    private static final List<OptionEntry> ENTRIES = entries();
    private static final Map<Command, List<OptionEntry>> OF_COMMAND = ofCommands();
    private static final Map<Command, Map<String, OptionEntry>> BY_SPELLING = bySpelling();

    private OptionTable() {
    }

    private static List<OptionEntry> entries() {
        List<OptionEntry> entries = new ArrayList<>();
        for (RecordComponent concern : Options.class.getRecordComponents()) {
            if (concern.getType().isAnnotationPresent(Concern.class)) {
                for (RecordComponent component : concern.getType().getRecordComponents()) {
                    entries.add(new OptionEntry(concern, component));
                }
            }
        }
        return List.copyOf(entries);
    }

    private static Map<Command, List<OptionEntry>> ofCommands() {
        Map<Command, List<OptionEntry>> all = new EnumMap<>(Command.class);
        for (Command command : Command.values()) {
            all.put(command, ENTRIES.stream().filter(entry -> entry.commands().contains(command)).toList());
        }
        return all;
    }

    private static Map<Command, Map<String, OptionEntry>> bySpelling() {
        Map<Command, Map<String, OptionEntry>> all = new EnumMap<>(Command.class);
        OF_COMMAND.forEach((command, entries) -> {
            Map<String, OptionEntry> spellings = new HashMap<>();
            for (OptionEntry entry : entries) {
                entry.spellings().forEach(spelling -> spellings.putIfAbsent(spelling, entry));
                entry.inverses().forEach(spelling -> spellings.putIfAbsent(spelling, entry));
            }
            all.put(command, spellings);
        });
        return all;
    }

    static List<OptionEntry> all() {
        return ENTRIES;
    }

    /** The options a command takes. */
    static List<OptionEntry> of(Command command) {
        return OF_COMMAND.get(command);
    }

    /** The option of a command with this spelling, the inverse included. */
    static Optional<OptionEntry> find(Command command, String spelling) {
        return Optional.ofNullable(BY_SPELLING.get(command).get(spelling));
    }

    /**
     * Options with the given values, and the command's defaults for all others.
     *
     * @param values by option; the defaults are used where absent
     */
    static Options build(Command command, Set<String> given, Map<OptionEntry, Object> values) {
        Map<String, List<Object>> arguments = new LinkedHashMap<>();
        for (OptionEntry entry : ENTRIES) {
            Object value = values.containsKey(entry) ? values.get(entry) : entry.defaultValue(command);
            arguments.computeIfAbsent(entry.concern().getName(), name -> new ArrayList<>()).add(value);
        }
        List<Object> concerns = new ArrayList<>();
        for (RecordComponent concern : Options.class.getRecordComponents()) {
            switch (concern.getName()) {
                case "command" -> concerns.add(command);
                case "given" -> concerns.add(given);
                default -> concerns.add(create(concern.getType(), arguments.get(concern.getName())));
            }
        }
        return Options.class.cast(create(Options.class, concerns));
    }

    private static Object create(Class<?> record, List<Object> arguments) {
        Class<?>[] types = Arrays.stream(record.getRecordComponents()).map(RecordComponent::getType).toArray(Class<?>[]::new);
        try {
            Constructor<?> constructor = record.getDeclaredConstructor(types);
            return constructor.newInstance(arguments.toArray());
        } catch (InvocationTargetException e) {
            throw new IllegalStateException(record.getSimpleName() + " refused " + arguments, e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(record + " cannot be created", e);
        }
    }

    static Object read(RecordComponent component, Record record) {
        try {
            return component.getAccessor().invoke(record);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(component + " cannot be read", e);
        }
    }
}
