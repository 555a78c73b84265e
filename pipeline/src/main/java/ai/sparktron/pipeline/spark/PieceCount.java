package ai.sparktron.pipeline.spark;

import java.io.IOException;
import java.io.Serializable;

/**
 * What the counting pass finds in one piece (a slice, or a partition of a frame).
 *
 * @param rows  rows, bad ones included
 * @param lines physical lines, so that the next slice of the same file knows its first line
 * @param bytes bytes of the rows as JSON
 */
record PieceCount(long rows, long lines, long bytes) implements Serializable {

    static PieceCount of(RowCursor cursor) throws IOException {
        long rows = 0;
        long bytes = 0;
        while (cursor.next()) {
            rows++;
            bytes += cursor.length();
        }
        return new PieceCount(rows, cursor.linesRead(), bytes);
    }
}
