package ai.sparktron.pipeline.spark;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.compress.CompressionCodec;
import org.apache.hadoop.io.compress.CompressionCodecFactory;

/** Opens slices of any format on any file system that Hadoop reaches. One per task. */
final class SliceReader {

    private final HadoopSettings settings;
    private final ObjectMapper mapper = mapper();

    SliceReader(HadoopSettings settings) {
        this.settings = settings;
    }

    /** JSON as datasets have it: NaN as Python writes it, whole numbers kept whole, nothing behind a row's end. */
    static ObjectMapper mapper() {
        return JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();
    }

    RowCursor open(Slice slice) throws IOException {
        return switch (slice.format()) {
            case JSONL -> new LineCursor(lines(slice), null);
            case TXT -> new LineCursor(lines(slice), mapper);
            case CSV -> new CsvCursor(stream(slice, 0), slice.path(), ',', mapper);
            case TSV -> new CsvCursor(stream(slice, 0), slice.path(), '\t', mapper);
            case JSON -> new JsonValueCursor(stream(slice, 0), slice.path(), elements());
            case PARQUET, ORC -> throw new IllegalStateException(slice.path() + " is columnar: Spark reads it, not a slice");
        };
    }

    /** Elements of an array follow each other: what stands behind one is no error. */
    private static ObjectMapper elements() {
        return mapper().disable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
    }

    private LineScanner lines(Slice slice) throws IOException {
        long from = Math.max(0, slice.start() - 1);
        return new LineScanner(stream(slice, from), slice.path(), from, slice.start(), slice.end());
    }

    private InputStream stream(Slice slice, long from) throws IOException {
        if (slice.content() != null) {
            return new ByteArrayInputStream(slice.content());
        }
        Path path = new Path(slice.path());
        FSDataInputStream in;
        try {
            in = settings.fileSystem(path).open(path, 1 << 16);
        } catch (FileNotFoundException missing) {
            throw new DatasetException("file " + path + " is not there on this machine: it was removed meanwhile, or it is on the driver's own disk; put "
                    + "datasets (and the hub cache) where all executors can read them", missing);
        }
        CompressionCodec codec = new CompressionCodecFactory(settings.configuration()).getCodec(path);
        if (codec != null) {
            return codec.createInputStream(in);
        }
        if (FileFormat.isCompressed(slice.path())) {
            in.close();
            throw new DatasetException("file " + path + " is compressed in a way this Hadoop does not know: use .gz, or uncompress it");
        }
        in.seek(from);
        return in;
    }
}
