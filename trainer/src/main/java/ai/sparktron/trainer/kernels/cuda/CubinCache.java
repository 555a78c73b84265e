package ai.sparktron.trainer.kernels.cuda;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/**
 * Compiled kernels on disk, by what they were made of: source, capability, defines and NVRTC's version. Any number of processes may share a folder: files are
 * written under a name of their own and renamed. A file carries the SHA-256 of its contents; one that is damaged is made anew.
 */
public final class CubinCache {

    private static final int DIGEST_BYTES = 32;

    private final Path folder;

    /** @param folder made when the first kernel is stored */
    public CubinCache(Path folder) {
        this.folder = folder;
    }

    /** Compiled code as {@link KernelCompiler#compile} makes it, from disk where it is there. */
    public byte[] get(String name, String source, int capability, List<String> defines) {
        String key = String.join("\0", name, source, Integer.toString(capability), String.join("\0", defines), KernelCompiler.version());
        Path file = folder.resolve(name.replaceAll("[^A-Za-z0-9]", "_") + "-sm_" + capability + "-"
                + HexFormat.of().formatHex(sha256(key.getBytes(StandardCharsets.UTF_8)), 0, 16) + ".cubin");
        byte[] stored = read(file);
        if (stored != null) {
            return stored;
        }
        byte[] cubin = KernelCompiler.compile(name, source, capability, defines);
        write(file, cubin);
        return cubin;
    }

    private static byte[] read(Path file) {
        if (!Files.isRegularFile(file)) {
            return null;
        }
        try {
            byte[] all = Files.readAllBytes(file);
            if (all.length <= DIGEST_BYTES) {
                return null;
            }
            byte[] cubin = Arrays.copyOfRange(all, DIGEST_BYTES, all.length);
            return Arrays.equals(sha256(cubin), 0, DIGEST_BYTES, all, 0, DIGEST_BYTES) ? cubin : null;
        } catch (IOException e) {
            throw new CudaException("cannot read the compiled kernel " + file + ": " + e.getMessage() + "; delete it or choose another folder for kernels", e);
        }
    }

    private void write(Path file, byte[] cubin) {
        try {
            Files.createDirectories(folder);
            Path temporary = Files.createTempFile(folder, file.getFileName().toString(), ".tmp");
            try {
                try (FileChannel out = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
                    writeAll(out, ByteBuffer.wrap(sha256(cubin)));
                    writeAll(out, ByteBuffer.wrap(cubin));
                    out.force(true);
                }
                Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            } finally {
                Files.deleteIfExists(temporary);
            }
        } catch (IOException e) {
            throw new CudaException("cannot keep the compiled kernel " + file + ": " + e + "; choose a folder for kernels that can be written", e);
        }
    }

    private static void writeAll(FileChannel out, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            out.write(bytes);
        }
    }

    private static byte[] sha256(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
