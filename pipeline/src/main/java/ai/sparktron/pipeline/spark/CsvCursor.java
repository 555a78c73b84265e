package ai.sparktron.pipeline.spark;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Rows of a CSV file by RFC 4180: quotes may hold separators and line ends, a doubled quote is a quote. The first record names the columns. A
 * record with more values than columns, or with a quote that never closes, is a bad row; missing values at the end are absent.
 */
final class CsvCursor implements RowCursor {

    private final BufferedReader reader;
    private final String name;
    private final char separator;
    private final ObjectMapper mapper;
    private final List<String> values = new ArrayList<>();
    private final StringBuilder value = new StringBuilder();
    private List<String> columns;
    private boolean quoted;
    private boolean unclosed;
    private long line = 1;
    private long recordLine;
    private byte[] row;
    private String fault;

    CsvCursor(InputStream in, String name, char separator, ObjectMapper mapper) {
        this.reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8.newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT).onUnmappableCharacter(CodingErrorAction.REPORT)), 1 << 16);
        this.name = name;
        this.separator = separator;
        this.mapper = mapper;
    }

    @Override
    public boolean next() throws IOException {
        try {
            if (columns == null) {
                readHeader();
            }
            while (readRecord()) {
                if (values.size() == 1 && values.get(0) == null) {
                    continue;
                }
                makeRow();
                return true;
            }
            return false;
        } catch (CharacterCodingException undecodable) {
            throw new DatasetException(name + ", near line " + line + ": the file is not UTF-8; convert it", undecodable);
        }
    }

    private void readHeader() throws IOException {
        columns = List.of();
        if (!readRecord()) {
            return;
        }
        if (values.get(0) != null && values.get(0).startsWith("\uFEFF")) {
            values.set(0, values.get(0).substring(1));
        }
        for (int i = 0; i < values.size(); i++) {
            String column = values.get(i);
            if (column == null || column.isBlank()) {
                values.set(i, "column_" + i);
            } else if (values.indexOf(column) < i) {
                throw new DatasetException(name + " has two columns called '" + column + "' in its header line: rename one");
            }
        }
        columns = List.copyOf(values);
    }

    private void makeRow() throws IOException {
        fault = null;
        if (unclosed) {
            fault = "a quote that opens in this record is never closed";
        } else if (values.size() > columns.size()) {
            fault = "the record has " + values.size() + " values, the header line has " + columns.size() + " columns: quote values that hold '"
                    + separator + "'";
        }
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < values.size(); i++) {
            map.put(i < columns.size() ? columns.get(i) : "column_" + i, values.get(i));
        }
        row = mapper.writeValueAsBytes(map);
    }

    private boolean readRecord() throws IOException {
        values.clear();
        value.setLength(0);
        quoted = false;
        unclosed = false;
        recordLine = line;
        int c = readPlain();
        if (c < 0) {
            return false;
        }
        while (true) {
            if (c == '"' && value.length() == 0 && !quoted) {
                quoted = true;
                c = readQuoted();
            } else if (c == separator) {
                endValue();
                c = readPlain();
            } else if (c < 0 || c == '\n') {
                line += c < 0 ? 0 : 1;
                endValue();
                return true;
            } else {
                value.append((char) c);
                c = readPlain();
            }
        }
    }

    /** The next character outside of quotes, where {@code \r\n} is one line end. */
    private int readPlain() throws IOException {
        int c = reader.read();
        if (c != '\r') {
            return c;
        }
        reader.mark(1);
        int behind = reader.read();
        if (behind == '\n') {
            return behind;
        }
        if (behind >= 0) {
            reader.reset();
        }
        return c;
    }

    /** Reads up to the closing quote and returns the character behind it. */
    private int readQuoted() throws IOException {
        while (true) {
            int c = reader.read();
            if (c < 0) {
                unclosed = true;
                return c;
            }
            if (c == '"') {
                int behind = readPlain();
                if (behind != '"') {
                    return behind;
                }
            } else if (c == '\n') {
                line++;
            }
            value.append((char) c);
        }
    }

    private void endValue() {
        values.add(value.length() == 0 && !quoted ? null : value.toString());
        value.setLength(0);
        quoted = false;
    }

    @Override
    public byte[] buffer() {
        return row;
    }

    @Override
    public long line() {
        return recordLine;
    }

    @Override
    public long linesRead() {
        return line;
    }

    @Override
    public String fault() {
        return fault;
    }

    @Override
    public void close() throws IOException {
        reader.close();
    }
}
