package ai.sparktron.pipeline.spark;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import org.apache.spark.sql.Row;

/** Rows of one partition of a frame as JSON. */
final class FrameCursor implements RowCursor {

    /** A frame whose only column has this name holds rows as JSON text already. */
    static final String JSON_COLUMN = "_sparktron_row";

    private final Iterator<Row> rows;
    private final ObjectMapper mapper;
    private byte[] json;
    private long number;

    FrameCursor(Iterator<Row> rows, ObjectMapper mapper) {
        this.rows = rows;
        this.mapper = mapper;
    }

    @Override
    public boolean next() throws IOException {
        if (!rows.hasNext()) {
            return false;
        }
        number++;
        Row row = rows.next();
        boolean isJson = row.length() == 1 && row.schema().fieldNames()[0].equals(JSON_COLUMN);
        json = isJson ? row.getString(0).getBytes(StandardCharsets.UTF_8) : mapper.writeValueAsBytes(FrameValues.toMap(row));
        return true;
    }

    @Override
    public byte[] buffer() {
        return json;
    }

    @Override
    public long line() {
        return number;
    }

    @Override
    public long linesRead() {
        return number;
    }
}
