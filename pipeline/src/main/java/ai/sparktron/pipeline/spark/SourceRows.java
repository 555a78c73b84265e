package ai.sparktron.pipeline.spark;

import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Row;
import scala.Tuple2;

/**
 * The rows of all sources of a run as pieces in a fixed order: counted by {@link #count}, then routed to buckets by {@link #routed}. Slices are
 * handed out in groups of similar size, one group a task; each frame is read in its own partitions.
 */
final class SourceRows {

    private final JavaSparkContext spark;
    private final List<Source> sources;
    private final Broadcast<HadoopSettings> settings;
    private final List<Part> parts = new ArrayList<>();
    private final List<PieceHead> heads = new ArrayList<>();
    private Piece[] pieces;

    /** What one RDD reads; parts stand in the order of the rows. */
    private sealed interface Part {
    }

    /** Slices in groups, one group a task. */
    private record Groups(List<List<Numbered>> groups) implements Part {
    }

    /** A slice with its number among the pieces. */
    private record Numbered(int piece, Slice slice) implements Serializable {
    }

    /** A frame whose partitions are pieces from {@code first} on. */
    private record NumberedFrame(int first, JavaRDD<Row> rows) implements Part {
    }

    /** A piece before it is counted. */
    private record PieceHead(int source, String name, boolean isSlice) {
    }

    SourceRows(JavaSparkContext spark, List<Source> sources, long groupBytes) {
        this.spark = spark;
        this.sources = List.copyOf(sources);
        this.settings = spark.broadcast(new HadoopSettings(spark.hadoopConfiguration()));
        List<Numbered> slices = new ArrayList<>();
        for (int source = 0; source < sources.size(); source++) {
            for (Source.Section section : sources.get(source).sections()) {
                if (section instanceof Source.Frame frame) {
                    addGroups(slices, groupBytes);
                    addFrame(source, frame);
                    continue;
                }
                for (Slice slice : ((Source.Slices) section).slices()) {
                    slices.add(new Numbered(heads.size(), slice));
                    heads.add(new PieceHead(source, slice.path(), true));
                }
            }
        }
        addGroups(slices, groupBytes);
    }

    /** Moves the collected slices into groups of about {@code groupBytes}. */
    private void addGroups(List<Numbered> slices, long groupBytes) {
        List<List<Numbered>> groups = new ArrayList<>();
        List<Numbered> group = new ArrayList<>();
        long bytes = 0;
        for (Numbered numbered : slices) {
            if (!group.isEmpty() && bytes + numbered.slice().bytes() > groupBytes) {
                groups.add(List.copyOf(group));
                group.clear();
                bytes = 0;
            }
            group.add(numbered);
            bytes += numbered.slice().bytes();
        }
        if (!group.isEmpty()) {
            groups.add(List.copyOf(group));
            parts.add(new Groups(List.copyOf(groups)));
        }
        slices.clear();
    }

    private void addFrame(int source, Source.Frame frame) {
        JavaRDD<Row> rows = frame.rows().javaRDD();
        parts.add(new NumberedFrame(heads.size(), rows));
        for (int partition = 0; partition < rows.getNumPartitions(); partition++) {
            heads.add(new PieceHead(source, frame.name(), false));
        }
    }

    /**
     * Counts all rows, which fixes the index of each.
     *
     * @return rows and bytes of each source
     * @throws DatasetException for a source without rows
     */
    PieceCount[] count() {
        PieceCount[] counted = new PieceCount[heads.size()];
        Broadcast<HadoopSettings> broadcast = settings;
        for (Part part : parts) {
            if (part instanceof Groups slices) {
                spark.parallelize(slices.groups(), slices.groups().size()).mapPartitions(groups -> countSlices(groups, broadcast.value()))
                        .setName("rows per slice").collect().forEach(pair -> counted[pair._1()] = pair._2());
            } else if (part instanceof NumberedFrame frame) {
                List<PieceCount> counts = frame.rows().mapPartitionsWithIndex((index, rows) ->
                        List.of(PieceCount.of(new FrameCursor(rows, SliceReader.mapper()))).iterator(), true).setName("rows per partition").collect();
                for (int i = 0; i < counts.size(); i++) {
                    counted[frame.first() + i] = counts.get(i);
                }
            }
        }
        return place(counted);
    }

    private static Iterator<Tuple2<Integer, PieceCount>> countSlices(Iterator<List<Numbered>> groups, HadoopSettings settings) throws IOException {
        List<Tuple2<Integer, PieceCount>> counts = new ArrayList<>();
        SliceReader reader = new SliceReader(settings);
        while (groups.hasNext()) {
            for (Numbered numbered : groups.next()) {
                try (RowCursor cursor = reader.open(numbered.slice())) {
                    counts.add(new Tuple2<>(numbered.piece(), PieceCount.of(cursor)));
                }
            }
        }
        return counts.iterator();
    }

    private PieceCount[] place(PieceCount[] counted) {
        PieceCount[] totals = new PieceCount[sources.size()];
        Arrays.fill(totals, new PieceCount(0, 0, 0));
        pieces = new Piece[counted.length];
        String file = null;
        long lines = 0;
        for (int i = 0; i < counted.length; i++) {
            PieceHead head = heads.get(i);
            PieceCount before = totals[head.source()];
            boolean continues = head.isSlice() && head.name().equals(file) && i > 0 && heads.get(i - 1).source() == head.source();
            lines = continues ? lines : 0;
            pieces[i] = new Piece(head.source(), head.name(), before.rows(), lines);
            lines += counted[i].lines();
            file = head.name();
            totals[head.source()] = new PieceCount(before.rows() + counted[i].rows(), 0, before.bytes() + counted[i].bytes());
        }
        for (int source = 0; source < totals.length; source++) {
            if (totals[source].rows() == 0) {
                throw new DatasetException("dataset '" + sources.get(source).name() + "' has no rows: " + heads.stream().map(PieceHead::name).distinct()
                        .limit(5).toList() + " hold nothing; expected at least one row");
            }
        }
        return totals;
    }

    /** The pieces, by number; known after {@link #count}. */
    Piece[] pieces() {
        return pieces.clone();
    }

    /** All selected rows on their way to their buckets. */
    JavaPairRDD<Integer, byte[]> routed(Broadcast<Routing> routing) {
        Broadcast<Piece[]> known = spark.broadcast(pieces);
        return JavaPairRDD.fromJavaRDD(read(found -> new RouteRows(found, known, routing)));
    }

    /** All rows, parsed, in order. */
    JavaRDD<ReadRow> parsed() {
        Broadcast<Piece[]> known = spark.broadcast(pieces);
        return read(found -> new DatasetReader.Parsing(found, known.value()));
    }

    /** What a task makes of its pieces. */
    private interface Reading<T> extends Serializable {
        Iterator<T> of(RouteRows.Pieces pieces);
    }

    private <T> JavaRDD<T> read(Reading<T> reading) {
        Broadcast<HadoopSettings> broadcast = settings;
        JavaRDD<T> all = null;
        for (Part part : parts) {
            JavaRDD<T> rows;
            if (part instanceof Groups slices) {
                rows = spark.parallelize(slices.groups(), slices.groups().size()).mapPartitions(groups ->
                        reading.of(new SlicePieces(groups, broadcast.value())));
            } else {
                int first = ((NumberedFrame) part).first();
                rows = ((NumberedFrame) part).rows().mapPartitionsWithIndex((index, values) -> reading.of(new FramePieces(values, first + index)), true);
            }
            all = all == null ? rows : all.union(rows);
        }
        return all;
    }

    /** Opens the slices of a task. */
    private static final class SlicePieces implements RouteRows.Pieces {
        private final Iterator<List<Numbered>> groups;
        private final SliceReader reader;
        private Iterator<Numbered> slices = List.<Numbered>of().iterator();
        private int number = -1;

        SlicePieces(Iterator<List<Numbered>> groups, HadoopSettings settings) {
            this.groups = groups;
            this.reader = new SliceReader(settings);
        }

        @Override
        public RowCursor next() throws IOException {
            while (!slices.hasNext()) {
                if (!groups.hasNext()) {
                    return null;
                }
                slices = groups.next().iterator();
            }
            Numbered next = slices.next();
            number = next.piece();
            return reader.open(next.slice());
        }

        @Override
        public int number() {
            return number;
        }
    }

    /** The one partition of a frame's task. */
    private static final class FramePieces implements RouteRows.Pieces {
        private final Iterator<Row> rows;
        private final int number;
        private boolean given;

        FramePieces(Iterator<Row> rows, int number) {
            this.rows = rows;
            this.number = number;
        }

        @Override
        public RowCursor next() {
            if (given) {
                return null;
            }
            given = true;
            return new FrameCursor(rows, SliceReader.mapper());
        }

        @Override
        public int number() {
            return number;
        }
    }
}
