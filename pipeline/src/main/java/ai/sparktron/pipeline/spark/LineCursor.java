package ai.sparktron.pipeline.spark;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Rows of a JSONL file, passed through as they are, or of a text file, wrapped into {@code {"text": ...}}. Blank lines are no rows. */
final class LineCursor implements RowCursor {

    private final LineScanner lines;
    private final ObjectMapper mapper;
    private byte[] wrapped;
    private String fault;

    /** @param mapper writes the rows of a text file; null for JSONL */
    LineCursor(LineScanner lines, ObjectMapper mapper) {
        this.lines = lines;
        this.mapper = mapper;
    }

    @Override
    public boolean next() throws IOException {
        while (lines.next()) {
            if (!lines.isBlank()) {
                if (mapper != null) {
                    wrap();
                }
                return true;
            }
        }
        return false;
    }

    private void wrap() throws IOException {
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(lines.buffer(), lines.offset(), lines.length())).toString();
            wrapped = mapper.writeValueAsBytes(Map.of("text", text));
            fault = null;
        } catch (CharacterCodingException undecodable) {
            wrapped = null;
            fault = "the line is not UTF-8: convert the file";
        }
    }

    @Override
    public byte[] buffer() {
        return wrapped == null ? lines.buffer() : wrapped;
    }

    @Override
    public int offset() {
        return wrapped == null ? lines.offset() : 0;
    }

    @Override
    public int length() {
        return wrapped == null ? lines.length() : wrapped.length;
    }

    @Override
    public long line() {
        return lines.lines();
    }

    @Override
    public long linesRead() {
        return lines.lines();
    }

    @Override
    public String fault() {
        return fault;
    }

    @Override
    public void close() throws IOException {
        lines.close();
    }
}
