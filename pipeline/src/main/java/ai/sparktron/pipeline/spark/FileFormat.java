package ai.sparktron.pipeline.spark;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** How rows stand in a file; told by its ending. */
public enum FileFormat {
    /** One JSON object per line. */
    JSONL(".jsonl", ".ndjson"),
    /** One array of objects, or objects one after another; a file whose first line is a whole object is read as {@link #JSONL}. */
    JSON(".json"),
    /** RFC 4180 with a header line; every value is text, an empty one absent. */
    CSV(".csv"),
    /** As {@link #CSV}, with tabs. */
    TSV(".tsv"),
    /** One row per line that is not blank, in the column {@code text}. */
    TXT(".txt"),
    PARQUET(".parquet"),
    ORC(".orc");

    private static final List<String> COMPRESSED = List.of(".gz", ".bz2", ".zst", ".lz4", ".snappy", ".deflate");

    private final List<String> endings;

    FileFormat(String... endings) {
        this.endings = List.of(endings);
    }

    /** The format of a file name; empty for an ending that holds no rows. */
    public static Optional<FileFormat> of(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        String plain = isCompressed(lower) ? lower.substring(0, lower.lastIndexOf('.')) : lower;
        for (FileFormat format : values()) {
            if (format.endings.stream().anyMatch(plain::endsWith)) {
                return Optional.of(format);
            }
        }
        return Optional.empty();
    }

    static boolean isCompressed(String name) {
        return COMPRESSED.stream().anyMatch(name.toLowerCase(Locale.ROOT)::endsWith);
    }

    /** Read by Spark's own readers, not by a {@link Slice}. */
    boolean isColumnar() {
        return this == PARQUET || this == ORC;
    }

    /** May be cut at any line. */
    boolean isLines() {
        return this == JSONL || this == TXT;
    }

    static String expected() {
        return ".jsonl, .json, .csv, .tsv, .txt, .parquet, .orc, or one of the text forms with .gz, .bz2 or .zst";
    }
}
