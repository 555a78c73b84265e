package ai.sparktron.trainer.config;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/** Options as they are before any check, so that what is not built yet or does not fit together can be tried too. */
final class UncheckedOptions {

    private UncheckedOptions() {
    }

    /** @param text options as on the command line */
    static Options of(Command command, String text) {
        Map<OptionEntry, Object> values = new LinkedHashMap<>();
        for (String option : text.trim().split(" *--")) {
            if (!option.isEmpty()) {
                String[] words = option.trim().split(" ");
                OptionEntry entry = OptionTable.find(command, words[0]).orElseThrow();
                values.put(entry, entry.type().parse(Arrays.asList(words).subList(1, words.length)));
            }
        }
        return OptionTable.build(command, values.keySet().stream().map(OptionEntry::name).collect(Collectors.toSet()), values);
    }
}
