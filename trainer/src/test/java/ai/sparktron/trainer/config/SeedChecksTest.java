package ai.sparktron.trainer.config;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.train.RunSetup;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The checks between options that Megatron-SWIFT and Megatron make, by their numbers: {@code seed-checks.txt} lists what is refused here too, with options that just
 * break the rule and options that just keep it, {@code seed-checks-not-needed.txt} what is not refused because it works.
 */
class SeedChecksTest {

    private static final int LAST_NUMBER = 14;

    private record Check(int number, String rule, String breaks, List<String> says, String keeps) {

        static Check of(String line) {
            String[] fields = line.split(" \\| ");
            return new Check(Integer.parseInt(fields[0]), fields[1], fields[2], List.of(fields[3].split("; ")), fields[4]);
        }

        @Override
        public String toString() {
            return number + " " + rule + ": " + breaks;
        }
    }

    private record NotNeeded(int number, String rule, String options, String why, String test) {

        static NotNeeded of(String line) {
            String[] fields = line.split(" \\| ");
            return new NotNeeded(Integer.parseInt(fields[0]), fields[1], fields[2], fields[3], fields[4]);
        }
    }

    private static Stream<Check> checks() throws IOException {
        return lines("seed-checks.txt").map(Check::of);
    }

    private static Stream<NotNeeded> notNeeded() throws IOException {
        return lines("seed-checks-not-needed.txt").map(NotNeeded::of);
    }

    private static Stream<String> lines(String file) throws IOException {
        try (InputStream stream = SeedChecksTest.class.getResourceAsStream(file)) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8).lines().filter(line -> !line.startsWith("#")).toList().stream();
        }
    }

    /** All problems of options, against each other and against the model's shape that is written behind {@code with}, if one is. */
    private static List<String> problems(String text) {
        String[] parts = text.split(" with ");
        Options options = UncheckedOptions.of(Command.SFT, parts[0]);
        List<String> problems = new ArrayList<>(CrossChecks.problems(options));
        if (parts.length == 2) {
            Map<String, String> shape = new HashMap<>();
            for (String field : parts[1].split(" ")) {
                shape.put(field.substring(0, field.indexOf('=')), field.substring(field.indexOf('=') + 1));
            }
            problems.addAll(problemsWith(options, shape));
        }
        return problems;
    }

    private static List<String> problemsWith(Options options, Map<String, String> shape) {
        List<String> problems = new ArrayList<>();
        try {
            ModelChecks.check(options, new ModelChecks.Shape(number(shape, "heads", 8), number(shape, "groups", 8), number(shape, "longest", 4096),
                    Boolean.parseBoolean(shape.get("latent")), number(shape, "experts", 0), Boolean.parseBoolean(shape.get("idle"))));
        } catch (ConfigurationException e) {
            problems.addAll(e.problems());
        }
        try {
            RunSetup.layout(options.parallel(), number(shape, "layers", 8));
        } catch (IllegalArgumentException e) {
            problems.add(e.getMessage());
        }
        return problems;
    }

    private static int number(Map<String, String> shape, String name, int absent) {
        return Integer.parseInt(shape.getOrDefault(name, String.valueOf(absent)));
    }

    @ParameterizedTest
    @MethodSource("checks")
    void isRefusedByBothNamesWithAdvice(Check check) {
        List<String> problems = problems(check.breaks());
        assertEquals(1, problems.stream().filter(problem -> check.says().stream().allMatch(problem::contains)).count(), check + " gave " + problems);
        assertEquals(1, problems.size(), check + " breaks one rule alone: " + problems);
    }

    @ParameterizedTest
    @MethodSource("checks")
    void isAcceptedWhereTheRuleIsKept(Check check) {
        assertEquals(List.of(), problems(check.keeps()), check.toString());
    }

    @ParameterizedTest
    @MethodSource("notNeeded")
    void isTakenWhereItWorksHere(NotNeeded check) throws IOException {
        assertEquals(List.of(), problems(check.options()), check.toString());
        String[] words = check.options().split(" with ")[0].split(" ");
        assertDoesNotThrow(() -> Options.of(Command.SFT, words), check.toString());
        try (Stream<Path> sources = Files.walk(Path.of("src/test/java"))) {
            assertTrue(sources.anyMatch(file -> file.endsWith(check.test() + ".java")), "the test " + check.test() + " that shows rule " + check.number() + " not needed");
        }
    }

    @Test
    void everyNumberIsThere() throws IOException {
        Set<Integer> seen = Stream.concat(checks().map(Check::number), notNeeded().map(NotNeeded::number)).collect(Collectors.toSet());
        assertEquals(IntStream.rangeClosed(1, LAST_NUMBER).boxed().collect(Collectors.toSet()), seen);
        assertTrue(checks().count() >= 45 && notNeeded().count() == 5, "checks: " + checks().count() + " and " + notNeeded().count());
    }
}
