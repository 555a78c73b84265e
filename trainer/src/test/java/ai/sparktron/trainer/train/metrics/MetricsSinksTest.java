package ai.sparktron.trainer.train.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsSinksTest {

    private static StepMetrics step(long iteration, double loss) {
        return new StepMetrics(iteration, 40, iteration * 16, Map.of("loss", loss), 2e-5, 1.25, 8000, 1, 0.5, 2, 3L << 30, 6e9, 989e12, iteration, 0, 0.125,
                Map.of("forward-backward", 0.4));
    }

    @Test
    void consoleLineSaysWhatPeopleWatch() {
        List<String> lines = new ArrayList<>();
        ConsoleSink console = new ConsoleSink(lines::add);
        console.step(step(20, 2.3456));
        assertEquals("step 20/40 | loss 2.3456 | lr 2.000e-05 | grad norm 1.2500 | 16,000 tokens/s (8,000 per rank) | MFU 4.9 % | bubble 12.5 % | 3.00 GiB | 0.500 s/step"
                + " | left 10s", lines.get(0));
        console.evaluation(new EvaluationMetrics(20, 40, Map.of("loss", 1.0), 12, 300, 2));
        assertEquals("evaluation at step 20/40 | loss 1.0000 | perplexity 2.7183 | 12 samples | 2s", lines.get(1));
    }

    @Test
    void aResumedLogHasEachStepOnce(@TempDir Path directory) throws IOException {
        Path log = directory.resolve("logging.jsonl");
        try (JsonLinesSink sink = new JsonLinesSink(log, 0)) {
            for (int i = 1; i <= 7; i++) {
                sink.step(step(i, i));
            }
        }
        Files.writeString(log, "{\"loss\": 3.0, \"global_st", StandardOpenOption.APPEND); // cut by a crash
        try (JsonLinesSink sink = new JsonLinesSink(log, 5)) {
            sink.step(step(6, 60));
            sink.evaluation(new EvaluationMetrics(6, 40, Map.of("loss", 0.5), 3, 10, 1));
        }
        List<String> lines = Files.readAllLines(log);
        assertEquals(7, lines.size());
        JsonNode sixth = new ObjectMapper().readTree(lines.get(5));
        assertEquals(60.0, sixth.get("loss").asDouble());
        assertEquals(0.125, sixth.get("pipeline_bubble").asDouble());
        assertEquals("6/40", sixth.get("global_step/max_steps").asText());
        assertEquals(0.5, new ObjectMapper().readTree(lines.get(6)).get("eval_loss").asDouble());
    }

    /** The CRC mask and the frame are those of TensorFlow's record format; read back here with an independent parser. */
    @Test
    void eventsAreFramedRecords(@TempDir Path directory) throws IOException {
        try (TensorBoardSink sink = new TensorBoardSink(directory, "host", new TensorBoardSink.Settings(1, true, true, true, true))) {
            sink.step(step(3, 1.5));
        }
        Path file;
        try (var files = Files.list(directory)) {
            file = files.findFirst().orElseThrow();
        }
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        List<byte[]> records = new ArrayList<>();
        while (bytes.hasRemaining()) {
            byte[] length = new byte[8];
            bytes.get(length);
            assertEquals(unmask(bytes.getInt()), crc(length));
            byte[] data = new byte[(int) ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong()];
            bytes.get(data);
            assertEquals(unmask(bytes.getInt()), crc(data));
            records.add(data);
        }
        assertEquals(2, records.size());
        assertTrue(new String(records.get(0), StandardCharsets.ISO_8859_1).endsWith("brain.Event:2"));
        String summary = new String(records.get(1), StandardCharsets.ISO_8859_1);
        for (String tag : List.of("train/loss", "train/grad_norm", "train/learning_rate", "train/mfu", "train/memory(GiB)",
                "train/forward-backward-time")) {
            assertTrue(summary.contains(tag), tag);
        }
    }

    /** Two layers of four experts: even, and one expert with everything. */
    @Test
    void tokensPerExpertArePictures(@TempDir Path directory) throws IOException {
        ExpertTokens tokens = new ExpertTokens(2, Map.of(1, new double[] {5, 5, 5, 5}, 3, new double[] {0, 0, 20, 0}));
        assertEquals(2.5, tokens.crowding());
        try (TensorBoardSink sink = new TensorBoardSink(directory, "host", new TensorBoardSink.Settings(2, true, true, true, true))) {
            sink.experts(tokens);
            sink.experts(new ExpertTokens(3, tokens.tokens()));
        }
        String events;
        try (var files = Files.list(directory)) {
            events = Files.readString(files.findFirst().orElseThrow(), StandardCharsets.ISO_8859_1);
        }
        assertEquals(events.indexOf("train/tokens_per_expert"), events.lastIndexOf("train/tokens_per_expert"), "step 3 is left out");
        int png = events.indexOf("\u0089PNG");
        var image = javax.imageio.ImageIO.read(new java.io.ByteArrayInputStream(events.substring(png).getBytes(StandardCharsets.ISO_8859_1)));
        assertEquals(64, image.getWidth());
        assertEquals(32, image.getHeight());
        assertEquals(0xd9d9d9, image.getRGB(0, 0) & 0xffffff, "an even share");
        assertEquals(0x2166ac, image.getRGB(5, 20) & 0xffffff, "nothing");
        assertEquals(0xb2182b, image.getRGB(40, 20) & 0xffffff, "more than twice");
    }

    @Test
    void drawsOnePictureAFigure(@TempDir Path directory) throws IOException {
        Path log = directory.resolve("logging.jsonl");
        try (JsonLinesSink sink = new JsonLinesSink(log, 0)) {
            for (int i = 1; i <= 20; i++) {
                sink.step(step(i, 3.0 / i));
            }
        }
        List<Path> pictures = CurvePlots.draw(log, directory.resolve("images"));
        Path loss = directory.resolve("images/train_loss.png");
        assertTrue(pictures.contains(loss), pictures.toString());
        assertEquals(900, ImageIO.read(loss.toFile()).getWidth());
    }

    private static int unmask(int masked) {
        return Integer.rotateLeft(masked - 0xa282ead8, 15);
    }

    private static int crc(byte[] data) {
        CRC32C crc = new CRC32C();
        crc.update(data);
        return (int) crc.getValue();
    }
}
