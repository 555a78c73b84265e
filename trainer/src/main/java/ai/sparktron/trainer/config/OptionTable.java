package ai.sparktron.trainer.config;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** All options, read from the annotations of the records of {@link Options}, in the order in which the help shows them. */
final class OptionTable {

    private static final List<OptionEntry> ENTRIES = entries();

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

    static List<OptionEntry> all() {
        return ENTRIES;
    }

    /** The options a command takes. */
    static List<OptionEntry> of(Command command) {
        return ENTRIES.stream().filter(entry -> entry.commands().contains(command)).toList();
    }

    /** The option of a command with this spelling, the inverse included. */
    static Optional<OptionEntry> find(Command command, String spelling) {
        return of(command).stream()
                .filter(entry -> entry.spellings().contains(spelling) || entry.inverses().contains(spelling))
                .findFirst();
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
