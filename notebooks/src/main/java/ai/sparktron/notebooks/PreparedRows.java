package ai.sparktron.notebooks;

import ai.sparktron.packing.shard.ShardCounts;
import ai.sparktron.packing.shard.ShardEntry;
import ai.sparktron.packing.shard.ShardManifest;
import ai.sparktron.packing.shard.ShardReader;
import ai.sparktron.packing.shard.ShardVerification;
import ai.sparktron.packing.shard.TokenRow;
import ai.sparktron.pipeline.tokenize.Tokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.IntBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Packed rows of a directory of shards, to look at: how long the samples are, how full the rows, what the trainer sees of a sample.
 *
 * <pre>{@code
 * PreparedRows rows = PreparedRows.open(data.trainDirectory());
 * print(rows.lengths().zeppelin());
 * print(rows.sample(0, tokenizer).zeppelin());
 * }</pre>
 *
 * <p>Lengths of the first {@value #ROWS_READ} rows are read when it is opened; the fill is that of all rows, from the manifest. Holds no file open.
 */
public final class PreparedRows {

    /** Rows whose lengths are read, at most. */
    public static final int ROWS_READ = 100_000;

    private static final int BARS = 24;

    private final Path directory;
    private final ShardManifest manifest;
    private final List<Row> rows;
    private final List<Place> samples;

    /** Lengths of the samples of a row, and where the row lies. */
    private record Row(int shard, int row, List<Integer> lengths) {
    }

    /** Where a sample lies: its row, and its tokens there. */
    private record Place(Row row, int from, int length) {
    }

    private PreparedRows(Path directory, ShardManifest manifest, List<Row> rows) {
        this.directory = directory;
        this.manifest = manifest;
        this.rows = rows;
        List<Place> places = new ArrayList<>();
        for (Row row : rows) {
            int from = 0;
            for (int length : row.lengths()) {
                places.add(new Place(row, from, length));
                from += length;
            }
        }
        this.samples = places;
    }

    /**
     * Reads the manifest and the lengths.
     *
     * @param location directory of shards on this machine, {@code PreparedData.trainDirectory()}; with or without {@code file:} in front
     * @throws IllegalArgumentException when it is on another file system
     * @throws ai.sparktron.packing.shard.ShardException when a shard or the manifest is damaged
     */
    public static PreparedRows open(String location) {
        Path directory = local(location);
        try {
            ShardManifest manifest = ShardManifest.read(directory);
            List<Row> rows = new ArrayList<>();
            for (int shard = 0; shard < manifest.shards().size() && rows.size() < ROWS_READ; shard++) {
                ShardEntry entry = manifest.shards().get(shard);
                try (ShardReader reader = ShardReader.open(directory.resolve(entry.file()), ShardVerification.CHECKSUMS)) {
                    for (int row = 0; row < reader.rows() && rows.size() < ROWS_READ; row++) {
                        rows.add(new Row(shard, row, lengths(reader.row(row).positions())));
                    }
                }
            }
            return new PreparedRows(directory, manifest, rows);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the shards in " + directory, e);
        }
    }

    private static Path local(String location) {
        if (location.matches("[A-Za-z][A-Za-z0-9+.-]+:/.*") && !location.startsWith("file:")) {
            throw new IllegalArgumentException(location + " is not on this machine: shards are read through memory maps; copy the directory to a local disk"
                    + " first, for example with hadoop fs -get, and open the copy");
        }
        return Path.of(location.replaceFirst("^file:/+", "/"));
    }

    /** A position of 0 begins a sample. */
    private static List<Integer> lengths(IntBuffer positions) {
        List<Integer> lengths = new ArrayList<>();
        int start = 0;
        for (int t = 1; t <= positions.limit(); t++) {
            if (t == positions.limit() || positions.get(t) == 0) {
                lengths.add(t - start);
                start = t;
            }
        }
        return lengths;
    }

    /** Samples that can be looked at. */
    public int samples() {
        return samples.size();
    }

    /** How many samples have how many tokens, in ranges of equal width. */
    public BarChart lengths() {
        int longest = samples.stream().mapToInt(Place::length).max().orElseThrow();
        int width = 1;
        while ((longest + width - 1) / width > BARS) {
            width *= 2;
        }
        long[] counts = new long[(longest + width - 1) / width];
        for (Place sample : samples) {
            counts[(sample.length() - 1) / width]++;
        }
        List<String> labels = new ArrayList<>();
        List<Long> heights = new ArrayList<>();
        for (int bar = 0; bar < counts.length; bar++) {
            int from = bar * width + 1;
            labels.add(width == 1 ? Integer.toString(from) : from + "-" + (from + width - 1));
            heights.add(counts[bar]);
        }
        return new BarChart("length of " + Html.number(samples.size()) + " samples", "tokens", "samples", labels, heights);
    }

    /** What the shards hold, and what the same samples would take up if each had a row of its own, padded to the longest. */
    public Table packing() {
        ShardCounts counts = manifest.counts();
        long longest = samples.stream().mapToLong(Place::length).max().orElseThrow();
        double padded = samples.stream().mapToLong(Place::length).sum() / (double) (longest * samples.size());
        return Table.of("figure", "value")
                .row("samples", Html.number(counts.documents()))
                .row("rows", Html.number(counts.rows()))
                .row("samples in a row", String.format(Locale.ROOT, "%.2f", (double) counts.documents() / counts.rows()))
                .row("tokens", Html.number(counts.tokens()))
                .row("trained tokens", percent((double) counts.trainedTokens() / counts.tokens()))
                .row("fill", percent(fill()))
                .row("fill if padded to the longest", percent(padded));
    }

    /** Part of the rows' room that holds tokens, 0 to 1. */
    public double fill() {
        return manifest.fill();
    }

    private static String percent(double part) {
        return String.format(Locale.ROOT, "%.2f %%", 100 * part);
    }

    /** The first rows with their samples, drawn to scale. */
    public PackingPicture rows(int count) {
        return new PackingPicture(manifest.metadata().rowCapacity(), rows.stream().limit(count).map(Row::lengths).toList());
    }

    /**
     * A sample as the trainer sees it.
     *
     * @param number    from 0 to {@link #samples()} - 1, in the order of the shards
     * @param tokenizer the one the data was prepared with
     * @throws IllegalArgumentException when there is no such sample, or the tokenizer is another
     */
    public TokenPicture sample(int number, Tokenizer tokenizer) {
        if (number < 0 || number >= samples.size()) {
            throw new IllegalArgumentException("sample " + number + " of " + directory + ": expected 0 to " + (samples.size() - 1));
        }
        if (!tokenizer.fingerprint().equals(manifest.metadata().tokenizerFingerprint())) {
            throw new IllegalArgumentException(directory + " was prepared with the tokenizer " + manifest.metadata().tokenizerFingerprint() + ", this one is "
                    + tokenizer.fingerprint() + ": its ids would read as other words; load the tokenizer that the data was prepared with");
        }
        Place place = samples.get(number);
        try (ShardReader reader = ShardReader.open(directory.resolve(manifest.shards().get(place.row().shard()).file()), ShardVerification.CHECKSUMS)) {
            return picture("sample " + number, reader.row(place.row().row()), place, tokenizer);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the shards in " + directory, e);
        }
    }

    /** Labels in a row are targets, one to the left of the tokens they name. */
    private static TokenPicture picture(String title, TokenRow row, Place place, Tokenizer tokenizer) {
        int[] ids = new int[place.length()];
        float[] weights = new float[place.length()];
        row.ids().get(place.from(), ids);
        for (int t = 1; t < ids.length; t++) {
            int source = place.from() + t - 1;
            if (row.labels().get(source) >= 0) {
                weights[t] = row.weightsOrNull() == null ? 1 : row.weightsOrNull().get(source);
            }
        }
        return TokenPicture.of(title, ids, weights, tokenizer);
    }
}
