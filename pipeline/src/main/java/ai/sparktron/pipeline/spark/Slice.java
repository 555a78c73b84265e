package ai.sparktron.pipeline.spark;

import java.io.Serializable;

/**
 * A part of a text file that one task reads: the rows that begin in {@code [start, end)}. Files that cannot be cut are one slice.
 *
 * @param path   file, as Hadoop names it; for {@code content} a name to show
 * @param format how rows stand in it
 * @param start  first byte
 * @param end    byte after the last; {@link Long#MAX_VALUE} = to the end of the file
 * @param bytes  about how much there is to read, for handing out work
 * @param content the bytes themselves for rows that are in no file, otherwise null
 */
record Slice(String path, FileFormat format, long start, long end, long bytes, byte[] content) implements Serializable {

    static Slice whole(String path, FileFormat format, long bytes) {
        return new Slice(path, format, 0, Long.MAX_VALUE, bytes, null);
    }

    static Slice inline(String name, FileFormat format, byte[] content) {
        return new Slice(name, format, 0, Long.MAX_VALUE, content.length, content);
    }
}
