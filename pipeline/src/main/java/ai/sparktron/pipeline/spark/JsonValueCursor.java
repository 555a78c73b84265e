package ai.sparktron.pipeline.spark;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;

/**
 * Rows of a JSON file that is not one object per line: the elements of an array, or values one after another. Nothing behind a syntax error can
 * be trusted, so one fails the file.
 */
final class JsonValueCursor implements RowCursor {

    private final JsonParser parser;
    private final ObjectMapper mapper;
    private final String name;
    private boolean started;
    private boolean inArray;
    private byte[] row;
    private long line;

    JsonValueCursor(InputStream in, String name, ObjectMapper mapper) throws IOException {
        this.parser = mapper.getFactory().createParser(in);
        this.mapper = mapper;
        this.name = name;
    }

    @Override
    public boolean next() throws IOException {
        try {
            JsonToken token = parser.nextToken();
            if (!started) {
                started = true;
                inArray = token == JsonToken.START_ARRAY;
                token = inArray ? parser.nextToken() : token;
            }
            if (token == null && inArray) {
                throw new DatasetException(name + " ends inside its array: the file was cut off; restore it");
            }
            if (token == null || token == JsonToken.END_ARRAY) {
                return false;
            }
            line = parser.currentTokenLocation().getLineNr();
            row = mapper.writeValueAsBytes(mapper.readTree(parser));
            return true;
        } catch (JsonProcessingException broken) {
            JsonLocation where = broken.getLocation();
            throw new DatasetException(name + (where == null ? "" : ", line " + where.getLineNr() + ", column " + where.getColumnNr())
                    + ": broken JSON (" + broken.getOriginalMessage() + "): expected an array of objects; repair the file, or write one object per "
                    + "line as .jsonl, where a broken line costs only itself", broken);
        }
    }

    @Override
    public byte[] buffer() {
        return row;
    }

    @Override
    public long line() {
        return line;
    }

    @Override
    public long linesRead() {
        return line;
    }

    @Override
    public void close() throws IOException {
        parser.close();
    }
}
