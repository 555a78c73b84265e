package ai.sparktron.pipeline.spark;

import ai.sparktron.packing.bin.RowPlan;
import ai.sparktron.packing.shard.PackedRowBuilder;
import ai.sparktron.packing.shard.ShardMetadata;
import ai.sparktron.packing.shard.ShardWriter;
import ai.sparktron.pipeline.dataset.BadRow;
import ai.sparktron.pipeline.dataset.BadRowException;
import ai.sparktron.pipeline.tokenize.Example;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.api.java.function.Function2;
import scala.Tuple2;

/**
 * The reduce side: everything that happens to the rows of one bucket. Sorts them by position, renders, tokenizes, packs, and writes one shard
 * through {@link OutputFiles}. Deterministic in its rows, so any attempt writes the same bytes.
 */
final class BucketTask implements Function2<Integer, Iterator<Tuple2<Integer, byte[]>>, Iterator<BucketReport>> {

    private static final long serialVersionUID = 1L;
    static final TypeReference<LinkedHashMap<String, Object>> ROW = new TypeReference<>() { };
    private static final int EXCERPT = 200;

    /**
     * What all buckets share.
     *
     * @param metadata    of the shards
     * @param strict      whether the first bad row ends the bucket
     * @param keepRawRows whether the validation set's rows are kept as JSONL
     */
    record Shared(RowCodec codec, Piece[] pieces, Routing routing, ShardMetadata metadata, boolean strict, boolean keepRawRows,
                  HadoopSettings settings, String output) implements Serializable {
    }

    private final Broadcast<Shared> shared;

    BucketTask(Broadcast<Shared> shared) {
        this.shared = shared;
    }

    @Override
    public Iterator<BucketReport> call(Integer bucket, Iterator<Tuple2<Integer, byte[]>> blobs) throws Exception {
        return List.of(new Run(shared.value(), bucket).run(blobs)).iterator();
    }

    /** One attempt at one bucket. */
    private static final class Run {
        private final Shared shared;
        private final BucketReport report;
        private final OutputFiles output;
        private final ObjectMapper mapper = SliceReader.mapper();
        private final RowCodec.Session session;
        /** The examples of each row that could be used. */
        private final List<List<Example>> encodedRows = new ArrayList<>();
        /** What is put into a row together: an example, or those of a pair. */
        private List<List<Example>> samples = List.of();
        private final ByteArrayOutputStream badRows = new ByteArrayOutputStream();
        private final boolean validation;

        Run(Shared shared, int bucket) {
            this.shared = shared;
            this.report = new BucketReport(bucket);
            this.output = new OutputFiles(shared.settings(), shared.output());
            this.session = shared.codec().open();
            this.validation = shared.routing().isValidation(bucket);
        }

        BucketReport run(Iterator<Tuple2<Integer, byte[]>> blobs) throws IOException {
            List<RowBlob.Entry> rows = collect(blobs);
            for (RowBlob.Entry row : rows) {
                encode(row);
                if (shared.strict() && !report.dropped.isEmpty()) {
                    return report;
                }
            }
            RowPlan plan = pack();
            write(plan);
            writeSideFiles(rows);
            return report;
        }

        private List<RowBlob.Entry> collect(Iterator<Tuple2<Integer, byte[]>> blobs) {
            List<RowBlob.Entry> rows = new ArrayList<>();
            long start = System.nanoTime();
            while (blobs.hasNext()) {
                RowBlob.read(blobs.next()._2(), rows::add, figures -> {
                    report.spent(Stage.READ, figures.nanos());
                    report.jsonBytes += figures.bytes();
                });
            }
            rows.sort(Comparator.comparingLong(RowBlob.Entry::position));
            report.rows = rows.size();
            report.spent(Stage.READ, System.nanoTime() - start);
            return rows;
        }

        private void encode(RowBlob.Entry row) throws IOException {
            long start = System.nanoTime();
            try {
                Map<String, Object> columns = parse(row);
                long parsed = System.nanoTime();
                report.spent(Stage.PARSE, parsed - start);
                start = parsed;
                List<RowCodec.Text> texts = session.render(columns);
                long rendered = System.nanoTime();
                report.spent(Stage.TEMPLATE, rendered - start);
                start = rendered;
                List<Example> encoded = new ArrayList<>();
                for (RowCodec.Text text : texts) {
                    text.segments().forEach(segment -> report.textCharacters += segment.text().length());
                    session.encode(text.segments()).forEach(example -> encoded.add(example.numbered(text.number())));
                }
                report.spent(Stage.TOKENIZE, System.nanoTime() - start);
                encoded.forEach(example -> report.lengths.add(example.ids().length));
                encodedRows.add(encoded);
                report.kept++;
            } catch (BadRowException bad) {
                drop(row, bad.badRow());
            }
        }

        private Map<String, Object> parse(RowBlob.Entry row) throws IOException {
            if (row.fault() != null) {
                throw new BadRowException(BadRow.Reason.UNREADABLE, row.fault());
            }
            try {
                Map<String, Object> columns = mapper.readValue(row.bytes(), row.offset(), row.length(), ROW);
                if (columns == null) {
                    throw new BadRowException(BadRow.Reason.UNREADABLE, "the row is null; expected a JSON object");
                }
                return columns;
            } catch (JsonProcessingException broken) {
                String message = broken.getOriginalMessage();
                throw new BadRowException(BadRow.Reason.UNREADABLE, "not a JSON object: " + message.substring(0, Math.min(message.length(), EXCERPT))
                        + (broken.getLocation() == null ? "" : " (column " + broken.getLocation().getColumnNr() + ")"));
            }
        }

        private void drop(RowBlob.Entry row, BadRow bad) throws IOException {
            Piece piece = shared.pieces()[row.piece()];
            String text = new String(row.bytes(), row.offset(), row.length(), StandardCharsets.UTF_8);
            BadRowReport reported = new BadRowReport(piece.name(), piece.firstLine() + row.line(), bad.reason().name().toLowerCase(Locale.ROOT),
                    bad.message(), text.length() > EXCERPT ? text.substring(0, EXCERPT) + "..." : text, row.position());
            report.drop(reported);
            Map<String, Object> record = new LinkedHashMap<>();
            record.put("file", reported.file());
            record.put("line", reported.line());
            record.put("reason", reported.reason());
            record.put("message", reported.message());
            record.put("row", text);
            badRows.write(mapper.writeValueAsBytes(record));
            badRows.write('\n');
        }

        private RowPlan pack() {
            long start = System.nanoTime();
            samples = session.samples(encodedRows);
            int[] lengths = samples.stream().mapToInt(sample -> sample.stream().mapToInt(example -> example.ids().length).sum()).toArray();
            RowPlan plan = shared.metadata().packing().packer().pack(lengths, shared.metadata().rowCapacity());
            report.spent(Stage.PACK, System.nanoTime() - start);
            return plan;
        }

        private void write(RowPlan plan) throws IOException {
            if (plan.rows() == 0) {
                return;
            }
            long start = System.nanoTime();
            int number = validation ? report.bucket - shared.routing().train().buckets() : report.bucket;
            String name = String.format("shard-%05d.arrow", number);
            output.write((validation ? PreparedData.VALIDATION : PreparedData.TRAIN) + "/" + name, OutputFiles.Existing.KEEP, out -> {
                try (ShardWriter writer = ShardWriter.to(out, name, shared.metadata())) {
                    PackedRowBuilder builder = new PackedRowBuilder();
                    for (int row = 0; row < plan.rows(); row++) {
                        builder.clear();
                        for (int place = plan.start(row); place < plan.start(row + 1); place++) {
                            samples.get(plan.sample(place)).forEach(example -> builder.add(example.ids(), example.labels(), example.weights(), example.number()));
                        }
                        writer.append(builder);
                    }
                    report.shard = writer.finish();
                }
            });
            report.spent(Stage.WRITE, System.nanoTime() - start);
        }

        private void writeSideFiles(List<RowBlob.Entry> rows) throws IOException {
            if (badRows.size() > 0) {
                report.badRowsPart = String.format("%s/bad-rows-%05d.jsonl", PreparedData.PARTS, report.bucket);
                output.write(report.badRowsPart, OutputFiles.Existing.KEEP, badRows::writeTo);
            }
            if (validation && shared.keepRawRows() && !rows.isEmpty()) {
                report.rawRowsPart = String.format("%s/rows-%05d.jsonl", PreparedData.PARTS, report.bucket);
                output.write(report.rawRowsPart, OutputFiles.Existing.KEEP, out -> {
                    for (RowBlob.Entry row : rows) {
                        out.write(row.bytes(), row.offset(), row.length());
                        out.write('\n');
                    }
                });
            }
        }
    }
}
