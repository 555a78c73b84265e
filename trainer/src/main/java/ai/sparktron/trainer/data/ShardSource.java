package ai.sparktron.trainer.data;

import ai.sparktron.packing.shard.ShardCounts;
import ai.sparktron.packing.shard.ShardEntry;
import ai.sparktron.packing.shard.ShardException;
import ai.sparktron.packing.shard.ShardManifest;
import ai.sparktron.packing.shard.ShardMetadata;
import ai.sparktron.packing.shard.ShardReader;
import ai.sparktron.packing.shard.ShardVerification;
import ai.sparktron.packing.shard.TokenRow;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Rows of one or several directories of shards: those of the first directory, in its manifest's order, then those of the next. Opening reads the
 * manifests; a shard is opened when a row of it is first asked for, and must then be the one its manifest speaks of.
 */
public final class ShardSource implements RowSource {

    private record Part(String directory, ShardManifest manifest, ShardEntry shard) {
        String where() {
            return directory + "/" + shard.file();
        }
    }

    private final List<ShardManifest> manifests;
    private final List<String> directories;
    private final List<Part> parts;
    private final long[] firstRow;
    private final ShardReader[] readers;
    private final ShardFiles files;
    private final ShardVerification verification;
    private boolean closed;

    private ShardSource(List<String> directories, List<ShardManifest> manifests, ShardFiles files, ShardVerification verification) {
        this.directories = List.copyOf(directories);
        this.manifests = List.copyOf(manifests);
        this.files = files;
        this.verification = verification;
        List<Part> list = new ArrayList<>();
        for (int i = 0; i < manifests.size(); i++) {
            for (ShardEntry shard : manifests.get(i).shards()) {
                list.add(new Part(directories.get(i), manifests.get(i), shard));
            }
        }
        parts = List.copyOf(list);
        readers = new ShardReader[parts.size()];
        firstRow = new long[parts.size() + 1];
        for (int part = 0; part < parts.size(); part++) {
            firstRow[part + 1] = firstRow[part] + parts.get(part).shard().counts().rows();
        }
    }

    /**
     * Opens local directories and every shard in them, so that a missing or truncated one is found now and not in the middle of training.
     *
     * @throws ShardException when a directory is not a data set, is damaged or empty, or two were made by different tokenizers
     */
    public static ShardSource open(List<Path> directories, ShardVerification verification) throws IOException {
        List<String> names = directories.stream().map(Path::toString).toList();
        ShardSource source = open(names, ShardFiles.LOCAL, verification);
        for (int part = 0; part < source.parts.size(); part++) {
            source.reader(part);
        }
        return source;
    }

    /**
     * Opens directories of any kind; shards are fetched through {@code files} when they are first needed.
     *
     * @throws ShardException as {@link #open(List, ShardVerification)}
     */
    public static ShardSource open(List<String> directories, ShardFiles files, ShardVerification verification) throws IOException {
        if (directories.isEmpty()) {
            throw new ShardException("no data set directory was given: name at least one with cached_dataset");
        }
        List<ShardManifest> manifests = new ArrayList<>();
        for (String directory : directories) {
            manifests.add(manifest(directory, files));
        }
        requireAlike(directories, manifests);
        return new ShardSource(directories, manifests, files, verification);
    }

    private static ShardManifest manifest(String directory, ShardFiles files) throws IOException {
        String where = directory + "/" + ShardManifest.FILE;
        try {
            return ShardManifest.parse(Files.readAllBytes(files.local(directory, ShardManifest.FILE)), where);
        } catch (NoSuchFileException e) {
            throw new ShardException(where + ": there is no manifest, so " + directory + " is not a data set, or its preparation did not end: "
                    + "run prepare again, or give the directory that prepare printed", e);
        }
    }

    private static void requireAlike(List<String> directories, List<ShardManifest> manifests) {
        ShardMetadata first = manifests.get(0).metadata();
        for (int i = 0; i < manifests.size(); i++) {
            ShardMetadata metadata = manifests.get(i).metadata();
            if (!metadata.rowForm().equals(first.rowForm())) {
                throw new ShardException(directories.get(i) + ": rowForm is '" + metadata.rowForm() + "', but that of " + directories.get(0) + " is '"
                        + first.rowForm() + "': data sets of one run must hold rows of one form");
            }
            if (!metadata.tokenizerFingerprint().equals(first.tokenizerFingerprint())) {
                throw new ShardException(directories.get(i) + ": tokenizerFingerprint is " + metadata.tokenizerFingerprint() + ", but that of "
                        + directories.get(0) + " is " + first.tokenizerFingerprint() + ": data sets of one run must be prepared with one tokenizer");
            }
            if (manifests.get(i).counts().rows() == 0) {
                throw new ShardException(directories.get(i) + ": the data set has no rows: see which rows prepare dropped and why");
            }
        }
    }

    /** @throws ShardException when the ids were made by another tokenizer */
    public void requireTokenizer(String fingerprint) {
        for (int i = 0; i < manifests.size(); i++) {
            manifests.get(i).metadata().requireTokenizer(fingerprint, directories.get(i));
        }
    }

    /** @throws ShardException when rows mean something else, naming the command that trains on them */
    public void requireForm(String rowForm) {
        String own = manifests.get(0).metadata().rowForm();
        if (!own.equals(rowForm)) {
            throw new ShardException(directories.get(0) + ": rowForm is '" + own + "', expected '" + rowForm + "': "
                    + switch (own) {
                        case ShardMetadata.PAIRS -> "pairs of answers are what rlhf trains on, with --rlhf_type dpo or rm";
                        case ShardMetadata.LABELLED -> "answers with labels are what rlhf trains on, with --rlhf_type kto";
                        default -> "rlhf trains on pairs of answers or on answers with labels, prepared with --task rlhf and its --rlhf_type";
                    });
        }
    }

    /** @throws ShardException when the ids may go past the model's vocabulary */
    public void requireVocabulary(int modelVocabularySize) {
        for (int i = 0; i < manifests.size(); i++) {
            manifests.get(i).metadata().requireVocabulary(modelVocabularySize, directories.get(i));
        }
    }

    /** The manifests, in the order of the directories. */
    public List<ShardManifest> manifests() {
        return manifests;
    }

    /** What all shards hold. */
    public ShardCounts counts() {
        return manifests.stream().map(ShardManifest::counts).reduce(ShardCounts.ZERO, ShardCounts::plus);
    }

    @Override
    public long rows() {
        return firstRow[firstRow.length - 1];
    }

    @Override
    public int rowCapacity() {
        return manifests.stream().mapToInt(manifest -> manifest.metadata().rowCapacity()).max().orElseThrow();
    }

    @Override
    public TokenRow row(long index) {
        Objects.checkIndex(index, rows());
        int found = Arrays.binarySearch(firstRow, index);
        int part = found >= 0 ? found : -found - 2;
        // Shards without rows share their first row with the next one.
        while (firstRow[part + 1] == firstRow[part]) {
            part++;
        }
        return reader(part).row((int) (index - firstRow[part]));
    }

    private synchronized ShardReader reader(int part) {
        if (closed) {
            throw new IllegalStateException("the data set " + directories + " is closed");
        }
        if (readers[part] == null) {
            readers[part] = openShard(parts.get(part));
        }
        return readers[part];
    }

    private ShardReader openShard(Part part) {
        try {
            Path file = files.local(part.directory(), part.shard().file());
            ShardReader reader = ShardReader.open(file, verification);
            part.manifest().requireSame(part.shard(), reader, part.where());
            return reader;
        } catch (IOException e) {
            throw new UncheckedIOException(part.where() + ": cannot be read: " + e.getMessage(), e);
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        for (int part = 0; part < readers.length; part++) {
            if (readers[part] != null) {
                readers[part].close();
                readers[part] = null;
            }
        }
    }
}
