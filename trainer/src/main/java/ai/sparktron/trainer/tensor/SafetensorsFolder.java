package ai.sparktron.trainer.tensor;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The tensors of a Hugging Face folder: either one {@code model.safetensors} or the files that {@code model.safetensors.index.json} lists. All files
 * are opened and checked against the index at once, so that a missing part shows before any work is done.
 */
public final class SafetensorsFolder implements AutoCloseable {

    /** Name of the only file of a small model. */
    public static final String SINGLE = "model.safetensors";
    /** Name of the list of a large one's files. */
    public static final String INDEX = "model.safetensors.index.json";

    private final Path folder;
    private final Map<String, SafetensorsFile> files = new LinkedHashMap<>();
    private final Map<String, SafetensorsFile> fileOfTensor = new TreeMap<>();

    private SafetensorsFolder(Path folder) {
        this.folder = folder;
    }

    /** Whether a folder has tensors. */
    public static boolean isOne(Path folder) {
        return Files.exists(folder.resolve(INDEX)) || Files.exists(folder.resolve(SINGLE));
    }

    /** The folder's index, or the single file where there is none. @throws NoSuchFileException when it has neither */
    public static SafetensorsFolder open(Path folder) throws IOException {
        SafetensorsFolder opened = new SafetensorsFolder(folder);
        try {
            if (Files.exists(folder.resolve(INDEX))) {
                opened.openIndex();
            } else {
                opened.openSingle(SINGLE);
            }
            return opened;
        } catch (IOException | RuntimeException e) {
            opened.close();
            throw e;
        }
    }

    /** A folder's only file of that name. @throws NoSuchFileException when it is not there */
    public static SafetensorsFolder open(Path folder, String name) throws IOException {
        SafetensorsFolder opened = new SafetensorsFolder(folder);
        if (!Files.exists(folder.resolve(name))) {
            throw new NoSuchFileException(folder.resolve(name).toString());
        }
        opened.openSingle(name);
        return opened;
    }

    private void openSingle(String name) throws IOException {
        if (!Files.exists(folder.resolve(name))) {
            throw new NoSuchFileException(folder.toString(), null, "it holds neither " + SINGLE + " nor " + INDEX
                    + "; give a folder in Hugging Face layout");
        }
        SafetensorsFile file = SafetensorsFile.open(folder.resolve(name));
        files.put(name, file);
        file.names().forEach(tensor -> fileOfTensor.put(tensor, file));
    }

    private void openIndex() throws IOException {
        Path index = folder.resolve(INDEX);
        JsonNode map;
        try {
            map = new ObjectMapper().readTree(Files.readAllBytes(index)).path("weight_map");
        } catch (JsonProcessingException e) {
            throw new CorruptTensorFileException(index, "it is not JSON (" + e.getOriginalMessage() + ")", e);
        }
        if (!map.isObject() || map.isEmpty()) {
            throw new CorruptTensorFileException(index, "it has no weight_map from tensors to files");
        }
        for (var fields = map.fields(); fields.hasNext();) {
            Map.Entry<String, JsonNode> field = fields.next();
            SafetensorsFile file = part(index, field.getKey(), field.getValue().asText());
            if (!file.contains(field.getKey())) {
                throw new CorruptTensorFileException(file.file(), "it has no tensor " + field.getKey() + ", which " + INDEX + " says it has");
            }
            fileOfTensor.put(field.getKey(), file);
        }
    }

    private SafetensorsFile part(Path index, String tensor, String name) throws IOException {
        SafetensorsFile file = files.get(name);
        if (file == null) {
            Path path = folder.resolve(name);
            if (!folder.equals(path.getParent())) {
                throw new CorruptTensorFileException(index, "tensor " + tensor + " lies in " + name + "; expected a file of the same folder");
            }
            if (!Files.exists(path)) {
                throw new NoSuchFileException(path.toString(), null, INDEX + " says that tensor " + tensor + " is in it; fetch the missing file");
            }
            file = SafetensorsFile.open(path);
            files.put(name, file);
        }
        return file;
    }

    public Path folder() {
        return folder;
    }

    /** Names of all tensors, sorted. */
    public Collection<String> names() {
        return Collections.unmodifiableSet(fileOfTensor.keySet());
    }

    public boolean contains(String name) {
        return fileOfTensor.containsKey(name);
    }

    /** @throws IllegalArgumentException as {@link SafetensorsFile#entry} */
    public TensorEntry entry(String name) {
        return file(name).entry(name);
    }

    /** See {@link SafetensorsFile#read}. */
    public void read(String name, long byteOffset, ByteBuffer target) throws IOException {
        file(name).read(name, byteOffset, target);
    }

    /** See {@link SafetensorsFile#readFloats(String, long, int)}. */
    public float[] readFloats(String name, long from, int count) throws IOException {
        return file(name).readFloats(name, from, count);
    }

    /** The file a tensor lies in, for messages. */
    public SafetensorsFile file(String name) {
        SafetensorsFile file = fileOfTensor.get(name);
        if (file == null) {
            throw new IllegalArgumentException(folder + ": no file of it has a tensor " + name + " (they have " + fileOfTensor.size() + ")");
        }
        return file;
    }

    @Override
    public void close() throws IOException {
        List<IOException> failures = new ArrayList<>();
        for (SafetensorsFile file : files.values()) {
            try {
                file.close();
            } catch (IOException e) {
                failures.add(e);
            }
        }
        if (!failures.isEmpty()) {
            throw failures.get(0);
        }
    }
}
