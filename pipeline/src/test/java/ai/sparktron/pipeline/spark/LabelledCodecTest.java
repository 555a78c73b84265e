package ai.sparktron.pipeline.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows with a label to shards: each answer with its label, and beside it another row's answer to its prompt. */
class LabelledCodecTest {

    private static final TokenizerBundle BUNDLE = TokenizerBundle.of(Path.of("../examples/tokenizer"), List.of());
    private static final String ANSWER = "<|im_start|>assistant";

    @TempDir Path directory;

    private static LabelledCodec codec(int maxLength) {
        return new LabelledCodec(new ChatCodec(BUNDLE, new TemplateRegistry().named("qwen3", new ModelTexts("qwen3", null, Map.of(), false)),
                RenderOptions.on(LocalDate.of(2026, 1, 2)).withLossScale(LossScale.parse("last_round")), ChatCodec.Rows.PLAIN, maxLength, TruncationStrategy.DELETE));
    }

    private PreparedData prepare(int maxLength, List<String> lines) throws Exception {
        Path rows = directory.resolve("rows.jsonl");
        Files.write(rows, lines);
        return PrepareJob.builder(PrepareOptions.of(List.of(rows.toString()), 2 * maxLength), codec(maxLength)).output(directory.resolve("shards").toString()).build()
                .run(TestSpark.session());
    }

    private static String prompt(String text) {
        return text.substring(0, text.indexOf(ANSWER));
    }

    private static String answer(String text) {
        return text.substring(text.indexOf(ANSWER));
    }

    @Test
    void answersHaveLabelsAndAnotherAnswerBesideThem() throws Exception {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            lines.add("{\"query\": \"question " + i + "\", \"response\": \"" + (i % 3 == 0 ? "good " : "bad ") + i + "\", \"label\": " + (i % 3 == 0) + "}");
        }
        lines.add("{\"query\": \"question 30\", \"response\": \"good 30\", \"rejected_response\": \"bad 30\"}");
        lines.add("{\"query\": \"question 31\", \"response\": \"no label\"}");
        PreparedData data = prepare(60, lines);
        assertEquals(ShardMetadata.LABELLED, data.train().metadata().rowForm());
        assertEquals(Map.of("missing_field", 1L), data.summary().orElseThrow().dropped());
        List<String> texts = Shards.samples(data.trainDirectory()).stream().map(ids -> BUNDLE.file().tokenizer().decode(ids, false)).toList();
        List<Float> numbers = Shards.numbers(data.trainDirectory());
        assertEquals(2 * 32, texts.size());
        List<String> answers = new ArrayList<>();
        List<String> others = new ArrayList<>();
        for (int sample = 0; sample < 32; sample++) {
            String own = texts.get(2 * sample);
            String other = texts.get(2 * sample + 1);
            assertEquals(own.contains("good") ? 1 : 0, numbers.get(2 * sample), own);
            assertEquals(0, numbers.get(2 * sample + 1), "answers of others have no label");
            assertEquals(prompt(own), prompt(other));
            assertNotEquals(answer(own), answer(other));
            assertTrue(!prompt(own).contains("30") || !answer(other).contains("30"), "an answer to another prompt: " + other);
            answers.add(answer(own));
            others.add(answer(other));
        }
        assertTrue(others.stream().filter(answers::contains).count() == 32, "they are answers of the data: " + others);
        assertTrue(others.stream().distinct().count() >= 30, "of all rows: " + others);
    }

    @Test
    void whatIsTooLongTogetherIsCutOff() throws Exception {
        PreparedData data = prepare(60, List.of("{\"query\": \"" + "why ".repeat(18) + "\", \"response\": \"so\", \"label\": true}",
                "{\"query\": \"a\", \"response\": \"" + "because ".repeat(18) + "\", \"label\": false}"));
        List<int[]> samples = Shards.samples(data.trainDirectory());
        assertEquals(4, samples.size());
        assertTrue(samples.stream().allMatch(sample -> sample.length <= 60), "no sample is longer than max_length");
        assertEquals(1, samples.stream().filter(sample -> sample.length == 60).count(), "one prompt with the other's answer would be");
    }
}
