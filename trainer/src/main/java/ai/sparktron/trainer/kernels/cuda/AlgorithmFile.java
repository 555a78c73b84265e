package ai.sparktron.trainer.kernels.cuda;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Chosen algorithms on disk, one file for a device and a version of the library: lines of a key and the algorithm's bytes. Processes may share it: whoever writes
 * reads it again first and replaces it whole. Lines that cannot be read are left out: what they said is found out anew.
 */
final class AlgorithmFile {

    private static final String HEAD = "sparktron.algorithms 1";

    private final Path file;
    private final Map<String, byte[]> known = new HashMap<>();

    /** @param name of device and library, any text */
    AlgorithmFile(Path folder, String name) {
        this.file = folder.resolve(name.replaceAll("[^A-Za-z0-9.]+", "_") + ".algorithms");
        read(known);
    }

    private void read(Map<String, byte[]> into) {
        try {
            if (!Files.isRegularFile(file)) {
                return;
            }
            String[] lines = Files.readString(file, StandardCharsets.UTF_8).split("\n");
            for (int i = 1; lines[0].equals(HEAD) && i < lines.length; i++) {
                String[] words = lines[i].split(" ");
                if (words.length == 2) {
                    parse(words[1]).ifPresent(bytes -> into.put(words[0], bytes));
                }
            }
        } catch (IOException e) {
            throw new CudaException("cannot read the chosen algorithms in " + file + ": " + e.getMessage() + "; delete it or choose another folder for kernels", e);
        }
    }

    private static Optional<byte[]> parse(String hex) {
        try {
            return Optional.of(HexFormat.of().parseHex(hex));
        } catch (IllegalArgumentException damaged) {
            return Optional.empty();
        }
    }

    Optional<byte[]> get(String key) {
        return Optional.ofNullable(known.get(key));
    }

    /** Remembers, here and on disk. */
    void put(String key, byte[] algorithm) {
        known.put(key, algorithm.clone());
        Map<String, byte[]> all = new TreeMap<>();
        read(all);
        all.putAll(known);
        StringBuilder text = new StringBuilder(HEAD).append('\n');
        all.forEach((name, bytes) -> text.append(name).append(' ').append(HexFormat.of().formatHex(bytes)).append('\n'));
        try {
            Files.createDirectories(file.getParent());
            Path temporary = Files.createTempFile(file.getParent(), file.getFileName().toString(), ".tmp");
            try {
                Files.writeString(temporary, text, StandardCharsets.UTF_8);
                Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            } finally {
                Files.deleteIfExists(temporary);
            }
        } catch (IOException e) {
            throw new CudaException("cannot keep the chosen algorithms in " + file + ": " + e + "; choose a folder for kernels that can be written", e);
        }
    }
}
