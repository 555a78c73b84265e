package ai.sparktron.jobs.barrier;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.zip.CRC32C;

/** Tells apart executors that load different versions of this program, which otherwise shows as a hang or as wrong numbers. */
final class CodeFingerprint {

    private CodeFingerprint() {
    }

    /** Size and checksum of the jar this class came from, or {@code classes} where it came from a folder. */
    static String ofThisJar() {
        CodeSource source = CodeFingerprint.class.getProtectionDomain().getCodeSource();
        try {
            Path path = source == null ? null : Path.of(source.getLocation().toURI());
            if (path == null || !Files.isRegularFile(path)) {
                return "classes";
            }
            CRC32C checksum = new CRC32C();
            byte[] buffer = new byte[1 << 20];
            try (InputStream in = Files.newInputStream(path)) {
                for (int count = in.read(buffer); count > 0; count = in.read(buffer)) {
                    checksum.update(buffer, 0, count);
                }
            }
            return Files.size(path) + "-" + Long.toHexString(checksum.getValue());
        } catch (IOException | java.net.URISyntaxException | RuntimeException unreadable) {
            return "unreadable";
        }
    }
}
