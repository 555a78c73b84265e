package ai.sparktron.trainer.tensor;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes the tensors of a model as one {@code model.safetensors}, or as several files of at most a given size with their index. Files appear at
 * {@link #commit()}, the index last.
 */
public final class SafetensorsFolderWriter implements AutoCloseable {

    /** Size of a file that transformers chooses. */
    public static final long DEFAULT_FILE_BYTES = 5_000_000_000L;

    private final Path folder;
    private final Map<String, SafetensorsWriter> files = new LinkedHashMap<>();
    private final Map<String, String> fileOfTensor = new LinkedHashMap<>();
    private final long totalBytes;

    private SafetensorsFolderWriter(Path folder, List<TensorEntry> entries, long fileBytes) throws IOException {
        this.folder = folder;
        this.totalBytes = entries.stream().mapToLong(TensorEntry::sizeBytes).sum();
        List<List<TensorEntry>> parts = split(entries, fileBytes);
        for (int i = 0; i < parts.size(); i++) {
            String name = parts.size() == 1 ? SafetensorsFolder.SINGLE : String.format("model-%05d-of-%05d.safetensors", i + 1, parts.size());
            files.put(name, SafetensorsWriter.create(folder.resolve(name), parts.get(i), SafetensorsWriter.PYTORCH_METADATA));
            parts.get(i).forEach(entry -> fileOfTensor.put(entry.name(), name));
        }
    }

    /** @param fileBytes bytes of tensors a file may have, unless a single one has more */
    public static SafetensorsFolderWriter create(Path folder, List<TensorEntry> entries, long fileBytes) throws IOException {
        Files.createDirectories(folder);
        return new SafetensorsFolderWriter(folder, List.copyOf(entries), fileBytes);
    }

    private static List<List<TensorEntry>> split(List<TensorEntry> entries, long fileBytes) {
        List<List<TensorEntry>> parts = new ArrayList<>();
        long used = 0;
        for (TensorEntry entry : entries) {
            if (parts.isEmpty() || used + entry.sizeBytes() > fileBytes && !parts.get(parts.size() - 1).isEmpty()) {
                parts.add(new ArrayList<>());
                used = 0;
            }
            parts.get(parts.size() - 1).add(entry);
            used += entry.sizeBytes();
        }
        if (parts.isEmpty()) {
            parts.add(List.of());
        }
        return parts;
    }

    /** See {@link SafetensorsWriter#write}. */
    public void write(String name, ByteBuffer piece) throws IOException {
        writer(name).write(name, piece);
    }

    /** See {@link SafetensorsWriter#writeFloats}. */
    public void writeFloats(String name, float[] values) throws IOException {
        writer(name).writeFloats(name, values);
    }

    private SafetensorsWriter writer(String name) {
        String file = fileOfTensor.get(name);
        if (file == null) {
            throw new IllegalStateException(folder + ": tensor " + name + " was not announced");
        }
        return files.get(file);
    }

    /** Makes the files appear, then the index. An index of an earlier save that no longer holds is removed before. */
    public void commit() throws IOException {
        Path index = folder.resolve(SafetensorsFolder.INDEX);
        Files.deleteIfExists(index);
        for (SafetensorsWriter writer : files.values()) {
            writer.commit();
        }
        if (files.size() == 1) {
            return;
        }
        ObjectMapper json = new ObjectMapper();
        ObjectNode root = json.createObjectNode();
        root.putObject("metadata").put("total_size", totalBytes);
        ObjectNode map = root.putObject("weight_map");
        new TreeMap<>(fileOfTensor).forEach(map::put);
        Path temporary = folder.resolve("." + SafetensorsFolder.INDEX + ".writing");
        try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE)) {
            ByteBuffer bytes = ByteBuffer.wrap(json.writerWithDefaultPrettyPrinter().writeValueAsBytes(root));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            channel.force(true);
        }
        SafetensorsWriter.moveIntoPlace(temporary, index);
        Files.deleteIfExists(folder.resolve(SafetensorsFolder.SINGLE));
    }

    @Override
    public void close() throws IOException {
        IOException failure = null;
        for (SafetensorsWriter writer : files.values()) {
            try {
                writer.close();
            } catch (IOException e) {
                failure = e;
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
