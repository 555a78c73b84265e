package ai.sparktron.pipeline.tokenize;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Reads a table resource of this package: a first line that names format and version, then bytes and varints. */
final class Varints {
    private final byte[] file;
    private int at;

    /** @throws IllegalStateException when the resource is missing or of another format */
    Varints(String resource, String firstLine) {
        try (InputStream in = Varints.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalStateException("the resource " + resource + " is missing beside " + Varints.class.getName());
            }
            file = in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        byte[] header = firstLine.getBytes(StandardCharsets.US_ASCII);
        if (file.length < header.length || !Arrays.equals(header, 0, header.length, file, 0, header.length)) {
            throw new IllegalStateException("the resource " + resource + " is damaged: its first line is not " + firstLine.strip());
        }
        at = header.length;
    }

    byte next() {
        return file[at++];
    }

    /** Seven bits per byte, lowest first. */
    int nextVarint() {
        int value = 0;
        int shift = 0;
        do {
            value |= (file[at] & 127) << shift;
            shift += 7;
        } while (file[at++] < 0);
        return value;
    }
}
