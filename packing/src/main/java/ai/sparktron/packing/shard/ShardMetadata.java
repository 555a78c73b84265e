package ai.sparktron.packing.shard;

import ai.sparktron.packing.bin.Packing;
import java.io.Serializable;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What every shard of a data set says about itself: in the schema metadata of the file and again in the manifest.
 *
 * @param tokenizerFingerprint names the tokenizer that made the ids; another fingerprint means other ids
 * @param templateFingerprint  names the template and the options that made tokens and labels out of rows
 * @param vocabularySize       every id is below this
 * @param rowCapacity          most tokens of a row ({@code max_length})
 * @param packing              how samples were put into rows
 * @param seed                 {@code data_seed} of the preparation
 * @param rowForm              what a row means: {@link #TOKENS}, {@link #PAIRS} or {@link #LABELLED}
 * @param notes                anything else worth keeping, by name
 */
public record ShardMetadata(String tokenizerFingerprint, String templateFingerprint, int vocabularySize, int rowCapacity, Packing packing, long seed,
        String rowForm, SortedMap<String, String> notes) implements Serializable {

    /** Name of the format, first thing checked in a file. */
    public static final String FORMAT = "sparktron.shard";

    /** Version written and read. */
    public static final int VERSION = 1;

    /** A row is documents for next-token training. */
    public static final String TOKENS = "tokens";

    /**
     * A row is documents in pairs: a preferred answer, then the one that it was preferred to, each with the prompt before it. The number of the first is by how much it is
     * to be better, 0 where nobody said.
     */
    public static final String PAIRS = "pairs";

    /**
     * A row is documents in twos: an answer, whose number is 1 where it is desirable and 0 where it is not, then the answer of another sample to the same prompt.
     */
    public static final String LABELLED = "labelled";

    private static final String NOTE_PREFIX = "note.";

    public ShardMetadata {
        if (vocabularySize < 1 || rowCapacity < 1) {
            throw new IllegalArgumentException("vocabularySize is " + vocabularySize + ", rowCapacity is " + rowCapacity + ": both must be positive");
        }
        if (tokenizerFingerprint.isEmpty() || templateFingerprint.isEmpty() || rowForm.isEmpty()) {
            throw new IllegalArgumentException("tokenizerFingerprint, templateFingerprint and rowForm must not be empty: '" + tokenizerFingerprint
                    + "', '" + templateFingerprint + "', '" + rowForm + "'");
        }
        notes = Collections.unmodifiableSortedMap(new TreeMap<>(notes));
    }

    /** Metadata of rows for next-token training, without notes. */
    public static ShardMetadata of(String tokenizerFingerprint, String templateFingerprint, int vocabularySize, int rowCapacity, Packing packing,
            long seed) {
        return new ShardMetadata(tokenizerFingerprint, templateFingerprint, vocabularySize, rowCapacity, packing, seed, TOKENS, new TreeMap<>());
    }

    /** The same of rows that mean something else. */
    public ShardMetadata withRowForm(String other) {
        return new ShardMetadata(tokenizerFingerprint, templateFingerprint, vocabularySize, rowCapacity, packing, seed, other, notes);
    }

    /** The same with one more note. */
    public ShardMetadata withNote(String name, String value) {
        TreeMap<String, String> more = new TreeMap<>(notes);
        more.put(name, value);
        return new ShardMetadata(tokenizerFingerprint, templateFingerprint, vocabularySize, rowCapacity, packing, seed, rowForm, more);
    }

    /**
     * Ids mean what the tokenizer at hand means by them.
     *
     * @param where the file or directory, for the message
     * @throws ShardException when they were made by another tokenizer
     */
    public void requireTokenizer(String fingerprint, String where) {
        if (!tokenizerFingerprint.equals(fingerprint)) {
            throw new ShardException(where + ": tokenizerFingerprint is " + tokenizerFingerprint + ", but the tokenizer of this run is " + fingerprint
                    + ": prepare the data again with this model's tokenizer, or give the model whose tokenizer made it");
        }
    }

    /**
     * Every id has a row in the model's embedding.
     *
     * @throws ShardException when the model's vocabulary is smaller
     */
    public void requireVocabulary(int modelVocabularySize, String where) {
        if (vocabularySize > modelVocabularySize) {
            throw new ShardException(where + ": vocabularySize is " + vocabularySize + ", but the model's vocabulary has " + modelVocabularySize
                    + " entries: the tokenizer does not belong to this model");
        }
    }

    /** Format name, version and all fields as text, in a fixed order. */
    public Map<String, String> toMap() {
        Map<String, String> map = new LinkedHashMap<>();
        map.put("format", FORMAT);
        map.put("version", Integer.toString(VERSION));
        map.put("tokenizerFingerprint", tokenizerFingerprint);
        map.put("templateFingerprint", templateFingerprint);
        map.put("vocabularySize", Integer.toString(vocabularySize));
        map.put("rowCapacity", Integer.toString(rowCapacity));
        map.put("packing", packing.optionName());
        map.put("seed", Long.toString(seed));
        map.put("rowForm", rowForm);
        notes.forEach((name, value) -> map.put(NOTE_PREFIX + name, value));
        return map;
    }

    /**
     * The reverse of {@link #toMap}; fields this version does not know are an error of the version, not ignored.
     *
     * @throws ShardException naming {@code where} and the field
     */
    public static ShardMetadata fromMap(Map<String, String> map, String where) {
        String format = map.get("format");
        if (!FORMAT.equals(format)) {
            throw new ShardException(where + ": format is " + (format == null ? "missing" : "'" + format + "'") + ", expected '" + FORMAT
                    + "': this is not a shard; give a directory made by prepare");
        }
        int version = number(map, "version", where).intValue();
        if (version != VERSION) {
            throw new ShardException(where + ": version is " + version + ", this build reads version " + VERSION
                    + ": prepare the data again, or use the build that made it");
        }
        TreeMap<String, String> notes = new TreeMap<>();
        map.forEach((key, value) -> {
            if (key.startsWith(NOTE_PREFIX)) {
                notes.put(key.substring(NOTE_PREFIX.length()), value);
            }
        });
        try {
            return new ShardMetadata(text(map, "tokenizerFingerprint", where), text(map, "templateFingerprint", where),
                    Math.toIntExact(number(map, "vocabularySize", where)), Math.toIntExact(number(map, "rowCapacity", where)),
                    Packing.ofOptionName(text(map, "packing", where)), number(map, "seed", where), text(map, "rowForm", where), notes);
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new ShardException(where + ": " + e.getMessage(), e);
        }
    }

    private static String text(Map<String, String> map, String field, String where) {
        String value = map.get(field);
        if (value == null) {
            throw new ShardException(where + ": metadata field " + field + " is missing: the file was not written by this project or is damaged");
        }
        return value;
    }

    private static Long number(Map<String, String> map, String field, String where) {
        String value = text(map, field, where);
        try {
            return Long.valueOf(value);
        } catch (NumberFormatException e) {
            throw new ShardException(where + ": metadata field " + field + " is '" + value + "', expected a whole number", e);
        }
    }
}
