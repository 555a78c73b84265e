package ai.sparktron.pipeline.spark;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Queue;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/**
 * The map side: pulls rows from the pieces of one task and gives blobs for the buckets they belong to. Holds at most about
 * {@link #MOST_BUFFERED} bytes of rows, however large the pieces are.
 */
final class RouteRows implements Iterator<Tuple2<Integer, byte[]>> {

    private static final long MOST_BUFFERED = 16 << 20;

    /** Opens the pieces of a task, one after another. */
    interface Pieces {
        /** The next piece's rows, or null at the end. */
        RowCursor next() throws IOException;

        /** Number of the piece given last. */
        int number();
    }

    private final Pieces pieces;
    private final Piece[] known;
    private final Routing.Router router;
    private final RowBlob.Builder[] builders;
    private final Queue<Tuple2<Integer, byte[]>> ready = new ArrayDeque<>();
    private RowCursor cursor;
    private long row;
    private long buffered;
    private long bytes;
    private final long start = System.nanoTime();
    private boolean ended;

    RouteRows(Pieces pieces, Broadcast<Piece[]> known, Broadcast<Routing> routing) {
        this.pieces = pieces;
        this.known = known.value();
        this.router = routing.value().router();
        this.builders = new RowBlob.Builder[routing.value().buckets()];
    }

    @Override
    public boolean hasNext() {
        while (ready.isEmpty() && !ended) {
            try {
                fill();
            } catch (IOException fault) {
                throw new UncheckedIOException("reading " + known[pieces.number()].name() + ": " + fault.getMessage(), fault);
            }
            flush();
            if (ended) {
                int any = builders.length - 1;
                ready.add(new Tuple2<>(pieces.number() < 0 ? any : pieces.number() % builders.length, new RowBlob.Figures(System.nanoTime() - start, bytes).toBytes()));
            }
        }
        return !ready.isEmpty();
    }

    private void fill() throws IOException {
        while (buffered < MOST_BUFFERED) {
            if (cursor == null) {
                cursor = pieces.next();
                if (cursor == null) {
                    ended = true;
                    return;
                }
                row = known[pieces.number()].firstRow();
            }
            if (cursor.next()) {
                bytes += cursor.length();
                RowCursor current = cursor;
                router.route(known[pieces.number()].source(), row++, (bucket, position) -> add(bucket, position, current));
            } else {
                cursor.close();
                cursor = null;
            }
        }
    }

    private void add(int bucket, long position, RowCursor current) {
        RowBlob.Builder builder = builders[bucket];
        if (builder == null) {
            builder = new RowBlob.Builder();
            builders[bucket] = builder;
        }
        int before = builder.size();
        builder.add(position, pieces.number(), current);
        buffered += builder.size() - before;
    }

    private void flush() {
        for (int bucket = 0; bucket < builders.length; bucket++) {
            if (builders[bucket] != null) {
                ready.add(new Tuple2<>(bucket, builders[bucket].toBytes()));
                builders[bucket] = null;
            }
        }
        buffered = 0;
    }

    @Override
    public Tuple2<Integer, byte[]> next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        return ready.remove();
    }
}
