package ai.sparktron.packing.shard;

import java.io.Serializable;

/**
 * One shard as its manifest lists it.
 *
 * @param file   name within the directory
 * @param bytes  size of the file
 * @param crc32c CRC32C of the whole file, as an unsigned 32-bit number
 * @param counts what it holds
 */
public record ShardEntry(String file, long bytes, long crc32c, ShardCounts counts) implements Serializable {

    public ShardEntry {
        if (file.isEmpty() || file.contains("/") || file.contains("\\") || file.equals("..") || file.equals(".")) {
            throw new IllegalArgumentException("shard file is '" + file + "': expected a plain name within the directory");
        }
        if (bytes < 0 || crc32c < 0 || crc32c > 0xFFFF_FFFFL) {
            throw new IllegalArgumentException("shard " + file + " has " + bytes + " bytes and CRC32C " + crc32c + ": out of range");
        }
    }
}
