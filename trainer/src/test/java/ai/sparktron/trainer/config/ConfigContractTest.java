package ai.sparktron.trainer.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every option has a line in {@code options.txt} with its default, its state and a value that is not the default; the value must
 * reach exactly its own record component under every spelling, or be refused by name where the option is not built.
 */
class ConfigContractTest {

    @TempDir
    private Path directory;

    private record Line(String concern, String name, String standard, Status status, String sample, String needs) {

        static Line of(String text) {
            String[] fields = text.split(" \\| ");
            return new Line(fields[0], fields[1], fields[2], Status.valueOf(fields[3].toUpperCase(Locale.ROOT)), fields[4], fields[5]);
        }

        OptionEntry entry() {
            return OptionTable.all().stream()
                    .filter(entry -> entry.name().equals(name) && entry.concern().getName().equals(concern))
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("options.txt has " + concern + "." + name + ", the records do not"));
        }

        @Override
        public String toString() {
            return concern + "." + name;
        }
    }

    private static List<Line> lines() throws IOException {
        try (InputStream stream = ConfigContractTest.class.getResourceAsStream("options.txt")) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8).lines().filter(line -> !line.startsWith("#")).map(Line::of).toList();
        }
    }

    @Test
    void everyOptionHasALine() throws IOException {
        List<String> written = lines().stream().map(Line::toString).toList();
        List<String> real = OptionTable.all().stream().map(entry -> entry.concern().getName() + "." + entry.name()).toList();
        assertEquals(real, written);
    }

    @Test
    void noSpellingMeansTwoOptionsOfOneCommand() {
        int checked = 0;
        for (Command command : Command.values()) {
            Set<String> seen = new HashSet<>();
            for (OptionEntry entry : OptionTable.of(command)) {
                for (String spelling : spellings(entry)) {
                    assertTrue(seen.add(spelling), command + " has two options --" + spelling);
                    checked++;
                }
            }
        }
        assertTrue(checked > 500, "spellings checked: " + checked);
    }

    @Test
    void everyOptionWithoutEffectSaysWhy() {
        for (OptionEntry entry : OptionTable.all()) {
            assertTrue(entry.option().doc().endsWith("."), entry + " has no sentence as its doc");
            assertTrue(entry.option().status() != Status.NO_MEANING || !entry.option().note().isEmpty(), entry + " does not say why it has no effect");
        }
    }

    @ParameterizedTest
    @MethodSource("lines")
    void standardAndState(Line line) {
        OptionEntry entry = line.entry();
        Command command = entry.commands().iterator().next();
        assertEquals(line.standard(), entry.defaultText(command).isEmpty() ? "-" : entry.defaultText(command));
        assertEquals(line.status(), entry.option().status());
        Object value = entry.valueIn(Options.defaults(command));
        assertEquals(entry.defaultValue(command), value);
    }

    @ParameterizedTest
    @MethodSource("lines")
    void sampleReachesItsComponentOrIsRefused(Line line) throws IOException {
        OptionEntry entry = line.entry();
        for (Command command : entry.commands()) {
            for (String spelling : spellings(entry)) {
                List<String> sample = sample(line, entry, spelling);
                if (line.status() == Status.PLANNED || line.sample().startsWith("!")) {
                    assertRefused(command, spelling, line, sample);
                } else {
                    assertMapped(command, spelling, entry, line, sample);
                }
            }
        }
    }

    private static void assertRefused(Command command, String spelling, Line line, List<String> sample) {
        ConfigurationException refusal = assertThrows(ConfigurationException.class, () -> Options.of(command, words(line, spelling, sample)));
        assertTrue(refusal.getMessage().contains("--" + spelling) && refusal.getMessage().contains("not built yet"), refusal.getMessage());
    }

    private static void assertMapped(Command command, String spelling, OptionEntry changed, Line line, List<String> sample) {
        Options options = Options.of(command, words(line, spelling, sample));
        Options without = UncheckedOptions.of(command, line.needs().equals("-") ? "" : line.needs());
        Object expected = changed.type().parse(List.of(line.sample().startsWith("@") ? sample.get(0) : line.sample()).stream()
                .flatMap(text -> Arrays.stream(text.split(" "))).toList());
        assertEquals(expected, changed.valueIn(options));
        if (command != Command.RLHF || changed.option().rlhfValue().isEmpty()) {
            assertNotEquals(changed.valueIn(without), changed.valueIn(options), "the sample is the default");
        }
        assertTrue(options.given(changed.name()));
        for (OptionEntry other : OptionTable.all()) {
            if (other != changed) {
                assertEquals(other.valueIn(without), other.valueIn(options), changed + " changed " + other);
            }
        }
        assertEquals(options, ArgsFile.fromJson(ArgsFile.toJson(options), "a test"));
    }

    private static String[] words(Line line, String spelling, List<String> sample) {
        List<String> words = new ArrayList<>();
        if (!line.needs().equals("-")) {
            words.addAll(List.of(line.needs().split(" ")));
        }
        words.add("--" + spelling);
        words.addAll(sample);
        return words.toArray(String[]::new);
    }

    private List<String> sample(Line line, OptionEntry entry, String spelling) throws IOException {
        String sample = line.sample().startsWith("!") ? line.sample().substring(1) : line.sample();
        if (sample.startsWith("@")) {
            Path file = directory.resolve(sample.substring(1));
            Files.writeString(file, "{}");
            return List.of(file.toString());
        }
        if (entry.inverses().contains(spelling)) {
            assertFalse(sample.isEmpty());
            return List.of(sample.equals("true") ? "false" : "true");
        }
        return List.of(sample.split(" "));
    }

    private static List<String> spellings(OptionEntry entry) {
        return Stream.concat(entry.spellings().stream(), entry.inverses().stream()).toList();
    }
}
