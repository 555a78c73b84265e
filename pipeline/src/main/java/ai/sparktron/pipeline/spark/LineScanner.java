package ai.sparktron.pipeline.spark;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/**
 * Lines of a byte range, without the line end ({@code \n} or {@code \r\n}): those that begin in the range, the last one read past its end. Bytes
 * are not decoded. The current line stands in {@link #buffer} from {@link #offset} and is overwritten by the next.
 */
final class LineScanner implements Closeable {

    private static final int FIRST_BUFFER = 1 << 18;
    private static final int LONGEST_LINE = 1 << 30;

    private final InputStream in;
    private final String name;
    private final long end;
    private byte[] buffer = new byte[FIRST_BUFFER];
    private int from;
    private int filled;
    private long position;
    private boolean exhausted;
    private int offset;
    private int length;
    private long lines;

    /**
     * @param in       positioned at {@code start - 1} if {@code start > 0}, so that a line that begins exactly at {@code start} is seen
     * @param position position of the stream's first byte in the file
     * @param start    first byte of the range
     * @param end      byte after the range
     */
    LineScanner(InputStream in, String name, long position, long start, long end) throws IOException {
        this.in = in;
        this.name = name;
        this.position = position;
        this.end = end;
        if (start > 0) {
            skipLine();
        } else {
            skipByteOrderMark();
        }
    }

    private void skipLine() throws IOException {
        while (true) {
            int newline = indexOfNewline(from);
            if (newline >= 0) {
                position += newline + 1 - from;
                from = newline + 1;
                return;
            }
            position += filled - from;
            from = 0;
            filled = 0;
            if (!fill()) {
                return;
            }
        }
    }

    private void skipByteOrderMark() throws IOException {
        while (filled < 3 && fill()) {
            continue;
        }
        if (filled >= 3 && buffer[0] == (byte) 0xEF && buffer[1] == (byte) 0xBB && buffer[2] == (byte) 0xBF) {
            from = 3;
            position += 3;
        }
    }

    /** Moves to the next line that begins in the range. */
    boolean next() throws IOException {
        if (position >= end) {
            return false;
        }
        int searched = from;
        while (true) {
            int newline = indexOfNewline(searched);
            if (newline >= 0) {
                take(newline, newline + 1);
                return true;
            }
            int pending = filled - from;
            if (!fill()) {
                if (pending == 0) {
                    return false;
                }
                take(filled, filled);
                return true;
            }
            searched = from + pending;
        }
    }

    private void take(int lineEnd, int next) {
        offset = from;
        length = lineEnd - from;
        if (length > 0 && buffer[offset + length - 1] == '\r') {
            length--;
        }
        position += next - from;
        from = next;
        lines++;
    }

    private int indexOfNewline(int start) {
        byte[] bytes = buffer;
        for (int i = start; i < filled; i++) {
            if (bytes[i] == '\n') {
                return i;
            }
        }
        return -1;
    }

    /** Reads more behind what is pending, which moves to the front; false at the end of the stream. */
    private boolean fill() throws IOException {
        if (exhausted) {
            return false;
        }
        if (from > 0) {
            System.arraycopy(buffer, from, buffer, 0, filled - from);
            filled -= from;
            from = 0;
        }
        if (filled == buffer.length) {
            if (buffer.length >= LONGEST_LINE) {
                throw new DatasetException("a line of " + name + " that begins at byte " + position + " is longer than " + LONGEST_LINE
                        + " bytes: expected one row per line");
            }
            buffer = Arrays.copyOf(buffer, 2 * buffer.length);
        }
        int count = in.read(buffer, filled, buffer.length - filled);
        if (count < 0) {
            exhausted = true;
            return false;
        }
        filled += count;
        return true;
    }

    byte[] buffer() {
        return buffer;
    }

    int offset() {
        return offset;
    }

    int length() {
        return length;
    }

    boolean isBlank() {
        for (int i = offset; i < offset + length; i++) {
            if (buffer[i] != ' ' && buffer[i] != '\t' && buffer[i] != '\f') {
                return false;
            }
        }
        return true;
    }

    /** Lines given so far. */
    long lines() {
        return lines;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
