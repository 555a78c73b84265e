package ai.sparktron.trainer.tensor;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads one safetensors file. The header is read and checked when the file is opened; elements are read by range into the caller's buffer, so that
 * memory is bounded whatever the sizes of the tensors. Positional reads rather than a mapping: a file that shrinks under a mapping kills the JVM.
 *
 * <p>Safe for several threads.
 */
public final class SafetensorsFile implements AutoCloseable {

    private final Path file;
    private final FileChannel channel;
    private final long dataStart;
    private final Map<String, SafetensorsHeader.Slot> slots;
    private final Map<String, String> metadata;

    private SafetensorsFile(Path file, FileChannel channel) throws IOException {
        this.file = file;
        this.channel = channel;
        long size = channel.size();
        ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        if (size < 8) {
            throw new CorruptTensorFileException(file, "it has " + size + " bytes; a safetensors file begins with 8 bytes of header length");
        }
        readFully(length, 0, "the header length");
        long headerBytes = length.getLong(0);
        if (headerBytes < 2 || headerBytes > SafetensorsHeader.LIMIT_BYTES || headerBytes > size - 8) {
            throw new CorruptTensorFileException(file, "its first 8 bytes give a header of " + headerBytes + " bytes; expected 2 to "
                    + Math.min(SafetensorsHeader.LIMIT_BYTES, size - 8) + ": it is not a safetensors file, or it is truncated");
        }
        ByteBuffer header = ByteBuffer.allocate((int) headerBytes);
        readFully(header, 8, "the header");
        this.dataStart = 8 + headerBytes;
        this.metadata = new LinkedHashMap<>();
        this.slots = SafetensorsHeader.parse(file, header.array(), size - dataStart, metadata);
    }

    /**
     * @throws java.nio.file.NoSuchFileException when there is no such file
     * @throws CorruptTensorFileException        when header and contents disagree
     */
    public static SafetensorsFile open(Path file) throws IOException {
        FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
        try {
            return new SafetensorsFile(file, channel);
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    public Path file() {
        return file;
    }

    /** The strings of {@code __metadata__}; transformers writes {@code format: pt}. */
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(metadata);
    }

    /** All names in the order of the file's bytes. */
    public List<String> names() {
        return List.copyOf(slots.keySet());
    }

    public boolean contains(String name) {
        return slots.containsKey(name);
    }

    /** All tensors of types we know, in the order of the file's bytes. */
    public List<TensorEntry> entries() {
        List<TensorEntry> entries = new ArrayList<>();
        for (SafetensorsHeader.Slot slot : slots.values()) {
            if (slot.entry() != null) {
                entries.add(slot.entry());
            }
        }
        return entries;
    }

    /** @throws IllegalArgumentException when there is no such tensor, or its element type is none of {@link DType} */
    public TensorEntry entry(String name) {
        SafetensorsHeader.Slot slot = slots.get(name);
        if (slot == null) {
            throw new IllegalArgumentException(file + ": it has no tensor " + name + " (it has " + slots.size() + ", the first are "
                    + slots.keySet().stream().limit(5).toList() + ")");
        }
        if (slot.entry() == null) {
            throw new IllegalArgumentException(file + ": tensor " + name + " has elements of type " + slot.dtypeName() + "; expected one of "
                    + List.of(DType.values()));
        }
        return slot.entry();
    }

    /**
     * Fills the rest of {@code target} with bytes of a tensor from {@code byteOffset} on. Elements are little-endian, as every host of ours is.
     *
     * @throws IllegalArgumentException when the range leaves the tensor
     */
    public void read(String name, long byteOffset, ByteBuffer target) throws IOException {
        TensorEntry entry = entry(name);
        int count = target.remaining();
        if (byteOffset < 0 || byteOffset + count > entry.sizeBytes()) {
            throw new IllegalArgumentException(file + ": bytes " + byteOffset + " to " + (byteOffset + count) + " of tensor " + name + " "
                    + entry.dtype() + entry.shape() + ", which has " + entry.sizeBytes());
        }
        readFully(target, dataStart + slots.get(name).begin() + byteOffset, "tensor " + name);
    }

    /**
     * Elements {@code from} to {@code from + count} (row-major) as float32.
     *
     * @throws IllegalArgumentException when the type is not F64, F32, BF16 or F16
     */
    public float[] readFloats(String name, long from, int count) throws IOException {
        TensorEntry entry = entry(name);
        float[] values = new float[count];
        int step = Math.min(count, 1 << 20);
        ByteBuffer bytes = ByteBuffer.allocate(step * entry.dtype().sizeBytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (int done = 0; done < count; done += step) {
            int now = Math.min(step, count - done);
            bytes.clear().limit(now * entry.dtype().sizeBytes());
            read(name, (from + done) * entry.dtype().sizeBytes(), bytes);
            HalfPrecision.decode(entry.dtype(), bytes.flip(), values, done, now);
        }
        return values;
    }

    /** All elements as float32; for tensors of fewer than 2^31 elements. */
    public float[] readFloats(String name) throws IOException {
        return readFloats(name, 0, Math.toIntExact(entry(name).shape().elements()));
    }

    private void readFully(ByteBuffer target, long position, String what) throws IOException {
        long at = position;
        while (target.hasRemaining()) {
            int read = channel.read(target, at);
            if (read < 0) {
                throw new EOFException(file + ": it ends at byte " + at + " inside " + what + ": the file is truncated");
            }
            at += read;
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
