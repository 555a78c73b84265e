package ai.sparktron.trainer.config;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Did you mean. */
public final class Suggestions {

    private Suggestions() {
    }

    /** What to say about an option that a command does not have. */
    static String unknown(Command command, String spelling, String where) {
        String start = "--" + spelling + " (" + where + ") is not an option of " + command.word();
        List<Command> others = new ArrayList<>();
        for (Command other : Command.values()) {
            if (OptionTable.find(other, spelling).isPresent()) {
                others.add(other);
            }
        }
        if (!others.isEmpty()) {
            return start + "; it belongs to " + others.stream().map(Command::word).collect(Collectors.joining(", "));
        }
        List<String> names = new ArrayList<>();
        for (OptionEntry entry : OptionTable.of(command)) {
            names.addAll(entry.spellings());
            names.addAll(entry.inverses());
        }
        List<String> near = nearest(spelling, names);
        return near.isEmpty()
                ? start + "; sparktron " + command.word() + " --help lists all"
                : start + "; did you mean " + near.stream().map(name -> "--" + name).collect(Collectors.joining(" or ")) + "?";
    }

    /** At most three known names that look like the one given, nearest first. */
    public static List<String> nearest(String word, List<String> known) {
        String plain = word.toLowerCase(Locale.ROOT).replace('-', '_');
        int limit = Math.max(2, plain.length() / 3);
        List<String> near = known.stream()
                .filter(name -> distance(plain, name) <= limit)
                .sorted(Comparator.comparingInt((String name) -> distance(plain, name)).thenComparing(Comparator.naturalOrder()))
                .limit(3)
                .toList();
        if (!near.isEmpty() && distance(plain, near.get(0)) <= 1) {
            return near.subList(0, 1);
        }
        return near;
    }

    /** Insertions, deletions, replacements and swaps of neighbours from one word to the other. */
    static int distance(String a, String b) {
        int[][] cost = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    cost[i][j] = i + j;
                    continue;
                }
                int replace = cost[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                cost[i][j] = Math.min(replace, Math.min(cost[i - 1][j], cost[i][j - 1]) + 1);
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    cost[i][j] = Math.min(cost[i][j], cost[i - 2][j - 2] + 1);
                }
            }
        }
        return cost[a.length()][b.length()];
    }
}
