package ai.sparktron.pipeline.spark;

import java.io.Closeable;
import java.io.IOException;

/** Rows of a piece of a source, one after another, each as the UTF-8 bytes of a JSON value. The buffer is reused. */
interface RowCursor extends Closeable {

    /** Moves to the next row; false at the end. */
    boolean next() throws IOException;

    /** Holds the current row, all of it where a cursor does not say otherwise; for a row with a {@link #fault()} its raw text. */
    byte[] buffer();

    /** First byte of the row in the buffer. */
    default int offset() {
        return 0;
    }

    /** Bytes of the row. */
    default int length() {
        return buffer().length;
    }

    /** Line in the file where the row begins, counted from 1 at the start of the piece; the row's number where there are no lines. */
    long line();

    /** Lines passed so far, the current row's included. */
    long linesRead();

    /** Why the current row could not be read, or null. */
    default String fault() {
        return null;
    }

    @Override
    default void close() throws IOException {
    }
}
