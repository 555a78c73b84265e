package ai.sparktron.pipeline.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.packing.shard.ShardMetadata;
import ai.sparktron.pipeline.template.LossScale;
import ai.sparktron.pipeline.template.ModelTexts;
import ai.sparktron.pipeline.template.RenderOptions;
import ai.sparktron.pipeline.template.TemplateRegistry;
import ai.sparktron.pipeline.tokenize.TruncationStrategy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Preference rows to shards: the two answers of a row stay side by side, whatever is packed with them. */
class PairCodecTest {

    private static final TokenizerBundle BUNDLE = TokenizerBundle.of(Path.of("../examples/tokenizer"), List.of());

    @TempDir Path directory;

    private static ChatCodec chat(int maxLength) {
        return new ChatCodec(BUNDLE, new TemplateRegistry().named("qwen3", new ModelTexts("qwen3", null, Map.of(), false)),
                RenderOptions.on(LocalDate.of(2026, 1, 2)).withLossScale(LossScale.parse("last_round")), ChatCodec.Rows.PLAIN, maxLength, TruncationStrategy.DELETE);
    }

    private static String text(int[] ids) {
        return BUNDLE.file().tokenizer().decode(ids, false);
    }

    @Test
    void answersStayInPairs() throws Exception {
        Path rows = directory.resolve("rows.jsonl");
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 40; i++) {
            text.append("{\"query\": \"question ").append(i).append("\", \"response\": \"good ").append("very ".repeat(i % 7)).append("\", \"rejected_response\": \"bad ")
                    .append("really ".repeat(i % 5)).append("\"").append(i == 3 ? ", \"margin\": 1.5" : "").append("}\n");
        }
        text.append("{\"query\": \"much\", \"response\": \"good\", \"rejected_response\": \"bad\", \"margin\": \"much\"}\n");
        text.append("{\"query\": \"alone\", \"response\": \"no pair\"}\n");
        text.append("{\"query\": \"long\", \"response\": \"short\", \"rejected_response\": \"").append("long ".repeat(60)).append("\"}\n");
        Files.writeString(rows, text);
        RowCodec codec = new PairCodec(chat(40));
        String output = directory.resolve("shards").toString();
        PreparedData data = PrepareJob.builder(PrepareOptions.of(List.of(rows.toString()), 150), codec).output(output).build().run(TestSpark.session());
        assertEquals(ShardMetadata.PAIRS, data.train().metadata().rowForm());
        assertEquals(Map.of("wrong_type", 1L, "missing_field", 1L, "too_long", 1L), data.summary().orElseThrow().dropped());
        assertTrue(data.train().counts().rows() < 40, "pairs are packed: " + data.train().counts());
        List<int[]> samples = Shards.samples(data.trainDirectory());
        assertEquals(80, samples.size());
        List<Float> numbers = Shards.numbers(data.trainDirectory());
        for (int pair = 0; pair < 40; pair++) {
            String chosen = text(samples.get(2 * pair));
            String rejected = text(samples.get(2 * pair + 1));
            assertTrue(chosen.contains("good") && rejected.contains("bad"), chosen + " before " + rejected);
            assertEquals(chosen.substring(0, chosen.indexOf("<|im_start|>assistant")), rejected.substring(0, rejected.indexOf("<|im_start|>assistant")));
            assertEquals(chosen.contains("question 3<") ? 1.5f : 0, numbers.get(2 * pair), chosen);
            assertEquals(0, numbers.get(2 * pair + 1), "margins are the chosen answers'");
        }

        CachedData onThisHost = CachedData.onThisHost();
        assertEquals(data.train().counts(), onThisHost.open(output, codec, 150).train().counts());
        DatasetException other = assertThrows(DatasetException.class, () -> onThisHost.open(output, chat(40), 150));
        assertTrue(other.getMessage().contains("its rows are pairs, this run's are tokens"), other.getMessage());
        assertNotEquals(codec.rowOptions(), chat(40).rowOptions(), "shards of pairs are not taken for others");
    }
}
