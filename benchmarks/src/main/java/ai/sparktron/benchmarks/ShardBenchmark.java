package ai.sparktron.benchmarks;

import ai.sparktron.packing.bin.Packing;
import ai.sparktron.packing.shard.PackedRowBuilder;
import ai.sparktron.packing.shard.ShardMetadata;
import ai.sparktron.packing.shard.ShardReader;
import ai.sparktron.packing.shard.ShardVerification;
import ai.sparktron.packing.shard.ShardWriter;
import ai.sparktron.packing.shard.TokenRow;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * 2,048 rows of 2,048 tokens (three columns of 4 bytes: 50.3 MB) out and in, in tokens per microsecond; 1 token/us is 12 MB/s of file. Writing goes to
 * a sink, so the disk is left out; the peer is Arrow's own vectors filled by {@code setSafe} and its own writer. Reading is from the page cache.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--add-opens=java.base/java.nio=ALL-UNNAMED", "-Darrow.enable_unsafe_memory_access=true",
    "-Darrow.enable_null_check_for_get=false"})
public class ShardBenchmark {

    private static final int ROWS = 2048;
    private static final int ROW_TOKENS = 2048;
    private static final int TOKENS = ROWS * ROW_TOKENS;
    private static final int BATCH_ROWS = 128;
    private static final String[] COLUMNS = {"ids", "labels", "positions"};

    private final int[] ids = new Random(1).ints(ROW_TOKENS, 0, 150_000).toArray();
    private final int[] positions = new int[ROW_TOKENS];
    private final int[] gathered = new int[ROW_TOKENS];
    private Path file;
    private BufferAllocator allocator;
    private ShardReader reader;

    private static ShardMetadata metadata() {
        return ShardMetadata.of("tokenizer", "template", 150_000, ROW_TOKENS, Packing.BEST_FIT, 0);
    }

    @Setup
    public void writeOnce() throws IOException {
        allocator = new RootAllocator();
        for (int t = 0; t < ROW_TOKENS; t++) {
            positions[t] = t;
        }
        file = Files.createTempFile("shard", ".arrow");
        try (ShardWriter writer = ShardWriter.create(file, metadata())) {
            appendRows(writer);
            writer.finish();
        }
        reader = ShardReader.open(file, ShardVerification.CHECKSUMS);
        reader.verify();
    }

    @TearDown
    public void delete() throws IOException {
        reader.close();
        allocator.close();
        Files.delete(file);
    }

    private void appendRows(ShardWriter writer) throws IOException {
        PackedRowBuilder row = new PackedRowBuilder();
        for (int r = 0; r < ROWS; r++) {
            writer.append(row.clear().add(ids, ids, null));
        }
    }

    /** Shifting, range checks and two checksums included. */
    @Benchmark
    @OperationsPerInvocation(TOKENS)
    public Object write() throws IOException {
        try (ShardWriter writer = ShardWriter.to(Channels.newChannel(OutputStream.nullOutputStream()), "sink", metadata())) {
            appendRows(writer);
            return writer.finish();
        }
    }

    /** As {@link #write} to a file: synced and renamed. */
    @Benchmark
    @OperationsPerInvocation(TOKENS)
    public Object writeFile() throws IOException {
        Path target = file.resolveSibling(file.getFileName() + ".out");
        try (ShardWriter writer = ShardWriter.create(target, metadata())) {
            appendRows(writer);
            return writer.finish();
        } finally {
            Files.delete(target);
        }
    }

    /** The same rows through Arrow's vectors, token by token; no checks, no checksums. */
    @Benchmark
    @OperationsPerInvocation(TOKENS)
    public long peerWriteSetSafe() throws IOException {
        try (ListVector first = list(COLUMNS[0]); ListVector second = list(COLUMNS[1]); ListVector third = list(COLUMNS[2]);
                VectorSchemaRoot root = VectorSchemaRoot.of(first, second, third);
                ArrowFileWriter writer = new ArrowFileWriter(root, null, Channels.newChannel(OutputStream.nullOutputStream()))) {
            writer.start();
            for (int batch = 0; batch < ROWS / BATCH_ROWS; batch++) {
                for (int r = 0; r < BATCH_ROWS; r++) {
                    set(first, r, ids);
                    set(second, r, ids);
                    set(third, r, positions);
                }
                root.setRowCount(BATCH_ROWS);
                writer.writeBatch();
                root.clear();
            }
            writer.end();
            return writer.bytesWritten();
        }
    }

    private ListVector list(String name) {
        ListVector vector = ListVector.empty(name, allocator);
        vector.addOrGetVector(FieldType.notNullable(new ArrowType.Int(32, true)));
        return vector;
    }

    private static void set(ListVector list, int row, int[] values) {
        IntVector data = (IntVector) list.getDataVector();
        int start = list.startNewValue(row);
        for (int t = 0; t < values.length; t++) {
            data.setSafe(start + t, values[t]);
        }
        list.endValue(row, values.length);
    }

    /** Opens, checks every record batch and sums all ids. */
    @Benchmark
    @OperationsPerInvocation(TOKENS)
    public long readAllChecked() throws IOException {
        return readAll(ShardVerification.CHECKSUMS);
    }

    /** As {@link #readAllChecked} without checksums. */
    @Benchmark
    @OperationsPerInvocation(TOKENS)
    public long readAllUnchecked() throws IOException {
        return readAll(ShardVerification.STRUCTURE);
    }

    private long readAll(ShardVerification verification) throws IOException {
        long sum = 0;
        try (ShardReader opened = ShardReader.open(file, verification)) {
            for (int r = 0; r < ROWS; r++) {
                TokenRow row = opened.row(r);
                for (int t = 0; t < ROW_TOKENS; t++) {
                    sum += row.ids().get(t);
                }
            }
        }
        return sum;
    }

    /** The same file through Arrow's own reader, which copies every record batch; sums all ids. */
    @Benchmark
    @OperationsPerInvocation(TOKENS)
    public long peerReadAll() throws IOException {
        long sum = 0;
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ); ArrowFileReader arrow = new ArrowFileReader(channel, allocator)) {
            ListVector list = (ListVector) arrow.getVectorSchemaRoot().getVector(COLUMNS[0]);
            while (arrow.loadNextBatch()) {
                IntVector data = (IntVector) list.getDataVector();
                for (int t = 0; t < data.getValueCount(); t++) {
                    sum += data.get(t);
                }
            }
        }
        return sum;
    }

    /** Copies the three columns of rows in random order, as the trainer does. */
    @Benchmark
    @OperationsPerInvocation(TOKENS)
    public int gatherRandomRows() {
        int last = 0;
        for (int k = 0; k < ROWS; k++) {
            TokenRow row = reader.row((k * 1237 + 11) & (ROWS - 1));
            for (var column : List.of(row.ids(), row.labels(), row.positions())) {
                column.get(0, gathered);
                last += gathered[ROW_TOKENS - 1];
            }
        }
        return last;
    }
}
