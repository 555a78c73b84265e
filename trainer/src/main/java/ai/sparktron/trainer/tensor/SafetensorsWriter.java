package ai.sparktron.trainer.tensor;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes one safetensors file piece by piece: the header goes first, since names, types and shapes are known; then each tensor's bytes in any number of
 * pieces, tensors in any order. Nothing but a piece is in memory. The file gets its name at {@link #commit()}, after everything is on disk; closing
 * without it leaves no trace.
 */
public final class SafetensorsWriter implements AutoCloseable {

    /** What transformers asks for before it reads a file. */
    public static final Map<String, String> PYTORCH_METADATA = Map.of("format", "pt");

    private final Path file;
    private final Path temporary;
    private final FileChannel channel;
    private final Map<String, Progress> progress = new LinkedHashMap<>();
    private boolean finished;

    private static final class Progress {
        private final TensorEntry entry;
        private final long start;
        private long written;

        Progress(TensorEntry entry, long start) {
            this.entry = entry;
            this.start = start;
        }
    }

    private SafetensorsWriter(Path file, Path temporary, FileChannel channel, List<TensorEntry> entries, Map<String, String> metadata)
            throws IOException {
        this.file = file;
        this.temporary = temporary;
        this.channel = channel;
        byte[] header = SafetensorsHeader.encode(entries, metadata);
        long start = header.length;
        for (TensorEntry entry : entries) {
            if (progress.put(entry.name(), new Progress(entry, start)) != null) {
                throw new IllegalStateException(file + ": tensor " + entry.name() + " is to be written twice");
            }
            start += entry.sizeBytes();
        }
        writeFully(ByteBuffer.wrap(header), 0);
    }

    /** @throws IOException naming the file, when its folder is missing or not writable */
    public static SafetensorsWriter create(Path file, List<TensorEntry> entries, Map<String, String> metadata) throws IOException {
        Path temporary = file.resolveSibling("." + file.getFileName() + ".writing");
        FileChannel channel = FileChannel.open(temporary, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE);
        try {
            return new SafetensorsWriter(file, temporary, channel, entries, metadata);
        } catch (IOException | RuntimeException e) {
            channel.close();
            Files.deleteIfExists(temporary);
            throw e;
        }
    }

    /** Appends the rest of {@code piece} (little-endian elements) to a tensor. @throws IllegalStateException for more bytes than the tensor has */
    public void write(String name, ByteBuffer piece) throws IOException {
        Progress tensor = progress.get(name);
        if (tensor == null) {
            throw new IllegalStateException(file + ": tensor " + name + " was not announced; announced are " + progress.keySet());
        }
        int count = piece.remaining();
        if (tensor.written + count > tensor.entry.sizeBytes()) {
            throw new IllegalStateException(file + ": " + (tensor.written + count) + " bytes written to tensor " + name + " "
                    + tensor.entry.dtype() + tensor.entry.shape() + ", which has " + tensor.entry.sizeBytes());
        }
        writeFully(piece, tensor.start + tensor.written);
        tensor.written += count;
    }

    /** Appends float32 values to a tensor, rounding to its type. */
    public void writeFloats(String name, float[] values) throws IOException {
        Progress tensor = progress.get(name);
        DType dtype = tensor == null ? DType.F32 : tensor.entry.dtype();
        int step = Math.min(Math.max(1, values.length), 1 << 20);
        ByteBuffer bytes = ByteBuffer.allocate(step * dtype.sizeBytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (int done = 0; done < values.length; done += step) {
            bytes.clear();
            HalfPrecision.encode(dtype, values, done, Math.min(step, values.length - done), bytes);
            write(name, bytes.flip());
        }
    }

    /** Makes the file appear under its name, complete and synced. @throws IllegalStateException when a tensor is incomplete, naming it */
    public void commit() throws IOException {
        for (Progress tensor : progress.values()) {
            if (tensor.written != tensor.entry.sizeBytes()) {
                throw new IllegalStateException(file + ": tensor " + tensor.entry.name() + " has " + tensor.written + " of its "
                        + tensor.entry.sizeBytes() + " bytes");
            }
        }
        channel.force(true);
        channel.close();
        moveIntoPlace(temporary, file);
        finished = true;
    }

    /** Renames a synced file over its final name and syncs the folder, so that the name survives a power cut. */
    static void moveIntoPlace(Path temporary, Path file) throws IOException {
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        try (FileChannel folder = FileChannel.open(file.toAbsolutePath().getParent(), StandardOpenOption.READ)) {
            folder.force(true);
        }
    }

    private void writeFully(ByteBuffer bytes, long position) throws IOException {
        long at = position;
        try {
            while (bytes.hasRemaining()) {
                at += channel.write(bytes, at);
            }
        } catch (IOException e) {
            throw new IOException(file + ": writing failed at byte " + at + " (" + e.getMessage() + "); the file was not made", e);
        }
    }

    @Override
    public void close() throws IOException {
        if (!finished) {
            finished = true;
            channel.close();
            Files.deleteIfExists(temporary);
        }
    }
}
