package ai.sparktron.pipeline.spark;

import ai.sparktron.pipeline.dataset.RowValues;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;

/**
 * Rows of a dataset of any kind, without template or tokens: for inference over a dataset, for notebooks, for looking at data.
 *
 * <p>Rows come in the order of the dataset and know their index; {@code #N} takes the first N. A row that cannot be parsed is given with its fault.
 */
public final class DatasetReader {

    private final SparkSession session;
    private final HubAccess hubs;

    /** @param hubs where hub ids are fetched; null = local data only */
    public DatasetReader(SparkSession session, HubAccess hubs) {
        this.session = session;
        this.hubs = hubs;
    }

    /**
     * @param dataset a specification, see {@code DatasetSpec}
     * @throws DatasetException when it is not there or has no rows
     */
    public JavaRDD<ReadRow> read(String dataset) {
        Source source = new SourceResolver(session, hubs, PrepareOptions.DEFAULT_SHARD_BYTES, null).resolve(dataset);
        SourceRows rows = new SourceRows(JavaSparkContext.fromSparkContext(session.sparkContext()), List.of(source),
                PrepareOptions.DEFAULT_SHARD_BYTES);
        TaskFailure.explained(rows::count);
        long most = source.spec().sample().orElse(Long.MAX_VALUE);
        JavaRDD<ReadRow> all = rows.parsed();
        return most == Long.MAX_VALUE ? all : all.filter(row -> row.index() < most);
    }

    /** Parses the rows of one task's pieces. */
    static final class Parsing implements Iterator<ReadRow> {
        private final RouteRows.Pieces pieces;
        private final Piece[] known;
        private final ObjectMapper mapper = SliceReader.mapper();
        private RowCursor cursor;
        private long index;
        private ReadRow next;

        Parsing(RouteRows.Pieces pieces, Piece[] known) {
            this.pieces = pieces;
            this.known = known;
        }

        @Override
        public boolean hasNext() {
            try {
                while (next == null) {
                    if (cursor == null) {
                        cursor = pieces.next();
                        if (cursor == null) {
                            return false;
                        }
                        index = known[pieces.number()].firstRow();
                    }
                    if (cursor.next()) {
                        next = row(known[pieces.number()]);
                    } else {
                        cursor.close();
                        cursor = null;
                    }
                }
                return true;
            } catch (IOException fault) {
                throw new UncheckedIOException(fault);
            }
        }

        private ReadRow row(Piece piece) throws IOException {
            long line = piece.firstLine() + cursor.line();
            if (cursor.fault() != null) {
                return new ReadRow(index++, piece.name(), line, null, cursor.fault());
            }
            try {
                Map<String, Object> values = mapper.readValue(cursor.buffer(), cursor.offset(), cursor.length(), BucketTask.ROW);
                if (values != null) {
                    values.replaceAll((column, value) -> RowValues.normalize(value));
                }
                return new ReadRow(index++, piece.name(), line, values, values == null ? "the row is null; expected a JSON object" : null);
            } catch (JsonProcessingException broken) {
                return new ReadRow(index++, piece.name(), line, null, "not a JSON object: " + broken.getOriginalMessage());
            }
        }

        @Override
        public ReadRow next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            ReadRow given = next;
            next = null;
            return given;
        }
    }
}
