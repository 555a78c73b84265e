package ai.sparktron.pipeline.dataset;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.function.Predicate;

/**
 * What one value of {@code --dataset} names: {@code [HF::|MS::]location[:subset1/subset2][#N]} or {@code table:db.name[#N]}.
 *
 * <p>Parsing reads the text only. A location that contains {@code :} or {@code #} itself is kept whole when {@code exists} says that it is there.
 *
 * @param origin   where the rows come from
 * @param location path, table name or hub id, without prefix and suffixes
 * @param subsets  hub subsets, in order; empty = the default subset
 * @param sample   {@code N} of the {@code #N} suffix: how many rows to take, see {@link RowSampling}
 */
public record DatasetSpec(Origin origin, String location, List<String> subsets, OptionalLong sample) {

    /** Where the rows of a dataset come from. */
    public enum Origin {
        /** A file, folder or URI that Spark reads. */
        PATH,
        /** A table of Spark's catalog. */
        TABLE,
        HUGGING_FACE,
        MODELSCOPE,
        /** A bare {@code owner/name}: a path if there is one, otherwise an id of the hub that {@code use_hf} chooses. */
        PATH_OR_HUB
    }

    private static final String TABLE_PREFIX = "table:";
    private static final List<String> FILE_ENDINGS = List.of(".jsonl", ".json", ".csv", ".txt", ".parquet", ".orc", ".gz", ".bz2", ".zst");

    public DatasetSpec {
        Objects.requireNonNull(origin, "origin");
        Objects.requireNonNull(location, "location");
        subsets = List.copyOf(subsets);
        Objects.requireNonNull(sample, "sample");
    }

    /** Parses {@code text} without looking at any file system. */
    public static DatasetSpec parse(String text) {
        return parse(text, location -> false);
    }

    /**
     * @param exists whether a location is there as it is spelled; asked only where {@code :} or {@code #} could belong to a file name
     * @throws IllegalArgumentException if the text is empty, a suffix is malformed, or a suffix does not fit its origin
     */
    public static DatasetSpec parse(String text, Predicate<String> exists) {
        String rest = text.strip();
        Origin origin = null;
        int marker = rest.indexOf("::");
        if (marker >= 0 && rest.substring(0, marker).matches("\\w+")) {
            origin = hub(rest.substring(0, marker), text);
            rest = rest.substring(marker + 2);
        } else if (rest.startsWith(TABLE_PREFIX)) {
            origin = Origin.TABLE;
            rest = rest.substring(TABLE_PREFIX.length());
        }
        OptionalLong sample = OptionalLong.empty();
        if (!exists.test(rest)) {
            int hash = rest.lastIndexOf('#');
            sample = hash < 0 ? sample : sampleOf(rest.substring(hash + 1), text);
            rest = sample.isPresent() ? rest.substring(0, hash) : rest;
        }
        List<String> subsets = List.of();
        int colon = origin == Origin.TABLE || exists.test(rest) ? -1 : subsetColon(rest);
        if (colon >= 0) {
            subsets = subsetsOf(rest.substring(colon + 1), text);
            rest = rest.substring(0, colon);
        }
        if (rest.isBlank()) {
            throw new IllegalArgumentException("dataset '" + text + "' names no location: expected [HF::|MS::]path-or-id[:subset1/subset2][#N]"
                    + " or table:db.name[#N]");
        }
        return new DatasetSpec(origin != null ? origin : looksLikePath(rest) ? Origin.PATH : Origin.PATH_OR_HUB, rest, subsets, sample);
    }

    private static Origin hub(String prefix, String text) {
        return switch (prefix.toUpperCase(Locale.ROOT)) {
            case "HF" -> Origin.HUGGING_FACE;
            case "MS" -> Origin.MODELSCOPE;
            default -> throw new IllegalArgumentException("dataset '" + text + "': unknown hub prefix '" + prefix + "::': expected HF:: or MS::");
        };
    }

    private static OptionalLong sampleOf(String digits, String text) {
        if (digits.matches("\\d{1,18}") && Long.parseLong(digits) > 0) {
            return OptionalLong.of(Long.parseLong(digits));
        }
        if (digits.isEmpty() || digits.matches("[-+]?\\d[\\d_,.eEkKmM]*")) {
            throw new IllegalArgumentException("dataset '" + text + "': row count '" + digits + "' after '#': expected a whole number of at least 1,"
                    + " for example '#500'");
        }
        return OptionalLong.empty();
    }

    private static List<String> subsetsOf(String names, String text) {
        List<String> subsets = new ArrayList<>();
        for (String name : names.split("/", -1)) {
            if (name.isBlank()) {
                throw new IllegalArgumentException("dataset '" + text + "': empty subset name in ':" + names + "': expected ':subset' or"
                        + " ':subset1/subset2'");
            }
            subsets.add(name.strip());
        }
        return subsets;
    }

    /** First colon that is neither a URI scheme's ({@code s3a://}, {@code dbfs:/}), an authority's port, nor a drive letter's; -1 if none. */
    private static int subsetColon(String location) {
        int scheme = location.indexOf("://");
        int from = 0;
        if (scheme > 0 && location.substring(0, scheme).matches("[A-Za-z][A-Za-z0-9+.-]*")) {
            int path = location.indexOf('/', scheme + 3);
            from = path < 0 ? location.length() : path;
        } else if (location.matches("[A-Za-z][A-Za-z0-9+.-]*:[\\\\/].*")) {
            from = location.indexOf(':') + 1;
        }
        return location.indexOf(':', from);
    }

    private static boolean looksLikePath(String location) {
        String lower = location.toLowerCase(Locale.ROOT);
        return location.startsWith("/") || location.startsWith(".") || location.startsWith("~") || location.contains("\\")
                || location.contains("*") || lower.matches("[a-z][a-z0-9+.-]*:.*") || FILE_ENDINGS.stream().anyMatch(lower::endsWith)
                || location.indexOf('/') != location.lastIndexOf('/');
    }

    @Override
    public String toString() {
        String prefix = switch (origin) {
            case HUGGING_FACE -> "HF::";
            case MODELSCOPE -> "MS::";
            case TABLE -> TABLE_PREFIX;
            case PATH, PATH_OR_HUB -> "";
        };
        return prefix + location + (subsets.isEmpty() ? "" : ":" + String.join("/", subsets))
                + (sample.isPresent() ? "#" + sample.getAsLong() : "");
    }
}
