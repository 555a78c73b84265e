package ai.sparktron.trainer.train.metrics;

import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32C;
import org.slf4j.LoggerFactory;

/**
 * TensorBoard events ({@code events.out.tfevents.*}): TFRecord frames (length, masked CRC-32C, bytes) around {@code Event} messages of TensorFlow's
 * {@code event.proto}, of which scalars and pictures are needed. Tags are ms-swift's: {@code train/loss}, {@code eval/loss} ...
 */
public final class TensorBoardSink implements MetricsSink {

    /** What is left out, by the logging options of the same names. */
    public record Settings(long stepInterval, boolean learningRate, boolean perplexity, boolean memory, boolean phases) {
    }

    private static final int CRC_MASK = 0xa282ead8;
    private static final int EVENT_WALL_TIME = 1;
    private static final int EVENT_STEP = 2;
    private static final int EVENT_FILE_VERSION = 3;
    private static final int EVENT_SUMMARY = 5;
    private static final int SUMMARY_VALUE = 1;
    private static final int VALUE_TAG = 1;
    private static final int VALUE_SIMPLE = 2;
    private static final int VALUE_IMAGE = 4;
    private static final int IMAGE_HEIGHT = 1;
    private static final int IMAGE_WIDTH = 2;
    private static final int IMAGE_COLOURS = 3;
    private static final int IMAGE_FILE = 4;
    private static final int RGB = 3;

    private final Settings settings;
    private final Path file;
    private final OutputStream out;
    private boolean draws = true;

    /**
     * @param directory made when missing; each run and each resume adds a file of its own
     * @param host      name for the file, as TensorBoard's own writer gives it
     */
    public TensorBoardSink(Path directory, String host, Settings settings) {
        this.settings = settings;
        try {
            Files.createDirectories(directory);
            long micros = System.currentTimeMillis() * 1000 + System.nanoTime() / 1000 % 1000;
            this.file = directory.resolve(String.format("events.out.tfevents.%010d.%s.%06d", micros / 1_000_000, host, micros % 1_000_000));
            this.out = new BufferedOutputStream(Files.newOutputStream(file));
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write TensorBoard events to " + directory, e);
        }
        Message version = new Message().number(EVENT_WALL_TIME, wallTime()).text(EVENT_FILE_VERSION, "brain.Event:2");
        record(version.bytes());
    }

    @Override
    public void step(StepMetrics metrics) {
        if (isLeftOut(metrics.iteration())) {
            return;
        }
        Map<String, Double> scalars = new LinkedHashMap<>();
        metrics.losses().forEach((name, value) -> scalars.put("train/" + name, value));
        scalars.put("train/grad_norm", metrics.gradientNorm());
        if (settings.learningRate()) {
            scalars.put("train/learning_rate", metrics.learningRate());
        }
        scalars.put("train/tokens_per_second", metrics.tokensPerSecond());
        scalars.put("train/tokens_per_second_per_gpu", metrics.tokensPerSecondPerDevice());
        scalars.put("train/iteration_time", metrics.secondsPerStep());
        if (!Double.isNaN(metrics.modelFlopsUtilisation())) {
            scalars.put("train/mfu", metrics.modelFlopsUtilisation());
        }
        if (settings.memory()) {
            scalars.put("train/memory(GiB)", metrics.memoryBytes() / (double) (1L << 30));
        }
        if (settings.phases()) {
            metrics.phases().forEach((name, value) -> scalars.put("train/" + name + "-time", value));
        }
        scalars(metrics.iteration(), scalars);
    }

    private boolean isLeftOut(long iteration) {
        return iteration % settings.stepInterval() != 0 && iteration != 1;
    }

    @Override
    public void experts(ExpertTokens tokens) {
        if (isLeftOut(tokens.iteration()) || !draws) {
            return;
        }
        ExpertPicture picture;
        try {
            picture = ExpertPicture.of(tokens);
        } catch (LinkageError e) {
            // A Java runtime without java.desktop or its libraries must not fail a run.
            draws = false;
            LoggerFactory.getLogger(TensorBoardSink.class).warn("tokens per expert are not drawn: {}", e.toString());
            return;
        }
        Message image = new Message().varint(IMAGE_HEIGHT, picture.height()).varint(IMAGE_WIDTH, picture.width()).varint(IMAGE_COLOURS, RGB)
                .data(IMAGE_FILE, picture.png());
        write(tokens.iteration(), new Message().message(SUMMARY_VALUE, new Message().text(VALUE_TAG, "train/tokens_per_expert").message(VALUE_IMAGE, image)));
    }

    @Override
    public void evaluation(EvaluationMetrics metrics) {
        Map<String, Double> scalars = new LinkedHashMap<>();
        metrics.losses().forEach((name, value) -> {
            scalars.put("eval/" + name, value);
            if (settings.perplexity() && name.equals("loss")) {
                scalars.put("eval/perplexity", EvaluationMetrics.perplexity(value));
            }
        });
        scalars(metrics.iteration(), scalars);
    }

    private void scalars(long step, Map<String, Double> scalars) {
        Message summary = new Message();
        scalars.forEach((tag, value) ->
                summary.message(SUMMARY_VALUE, new Message().text(VALUE_TAG, tag).number(VALUE_SIMPLE, value.floatValue())));
        write(step, summary);
    }

    private void write(long step, Message summary) {
        record(new Message().number(EVENT_WALL_TIME, wallTime()).varint(EVENT_STEP, step).message(EVENT_SUMMARY, summary).bytes());
        try {
            out.flush();
        } catch (IOException e) {
            throw failure(e);
        }
    }

    private static double wallTime() {
        return System.currentTimeMillis() / 1000.0;
    }

    /** A TFRecord frame. */
    private void record(byte[] data) {
        byte[] length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(data.length).array();
        try {
            out.write(length);
            out.write(maskedCrc(length));
            out.write(data);
            out.write(maskedCrc(data));
        } catch (IOException e) {
            throw failure(e);
        }
    }

    private static byte[] maskedCrc(byte[] data) {
        CRC32C crc = new CRC32C();
        crc.update(data);
        int value = (int) crc.getValue();
        int masked = Integer.rotateRight(value, 15) + CRC_MASK;
        return ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN).putInt(masked).array();
    }

    private UncheckedIOException failure(IOException e) {
        return new UncheckedIOException("cannot write TensorBoard events to " + file + "; check that the disk has room", e);
    }

    @Override
    public void close() {
        try {
            out.close();
        } catch (IOException e) {
            throw failure(e);
        }
    }

    /** A protocol buffers message under construction: only the field kinds that events use. */
    private static final class Message {
        private static final int VARINT = 0;
        private static final int FIXED64 = 1;
        private static final int LENGTH_DELIMITED = 2;
        private static final int FIXED32 = 5;

        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        Message varint(int field, long value) {
            key(field, VARINT);
            rawVarint(value);
            return this;
        }

        Message number(int field, double value) {
            key(field, FIXED64);
            bytes.writeBytes(ByteBuffer.allocate(Double.BYTES).order(ByteOrder.LITTLE_ENDIAN).putDouble(value).array());
            return this;
        }

        Message number(int field, float value) {
            key(field, FIXED32);
            bytes.writeBytes(ByteBuffer.allocate(Float.BYTES).order(ByteOrder.LITTLE_ENDIAN).putFloat(value).array());
            return this;
        }

        Message text(int field, String value) {
            return delimited(field, value.getBytes(StandardCharsets.UTF_8));
        }

        Message data(int field, byte[] value) {
            return delimited(field, value);
        }

        Message message(int field, Message value) {
            return delimited(field, value.bytes());
        }

        private Message delimited(int field, byte[] value) {
            key(field, LENGTH_DELIMITED);
            rawVarint(value.length);
            bytes.writeBytes(value);
            return this;
        }

        private void key(int field, int wireType) {
            rawVarint((long) field << 3 | wireType);
        }

        private void rawVarint(long value) {
            long rest = value;
            while ((rest & ~0x7FL) != 0) {
                bytes.write((int) (rest & 0x7F | 0x80));
                rest >>>= 7;
            }
            bytes.write((int) rest);
        }

        byte[] bytes() {
            return bytes.toByteArray();
        }
    }
}
