package ai.sparktron.pipeline.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.pipeline.dataset.BadRow;
import ai.sparktron.pipeline.dataset.BadRowException;
import ai.sparktron.pipeline.template.ChatTemplate;
import ai.sparktron.pipeline.template.LossScale;
import ai.sparktron.pipeline.template.ModelTexts;
import ai.sparktron.pipeline.template.RenderOptions;
import ai.sparktron.pipeline.template.TemplateRegistry;
import ai.sparktron.pipeline.tokenize.Example;
import ai.sparktron.pipeline.tokenize.Tokenizer;
import ai.sparktron.pipeline.tokenize.TruncationStrategy;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows through the real template and tokenizer, alone and in a preparation. */
class ChatCodecTest {

    private static final Path TOKENIZER = Path.of("../examples/tokenizer");
    private static final TokenizerBundle BUNDLE = TokenizerBundle.of(TOKENIZER, List.of());

    @TempDir Path directory;

    private static ChatTemplate qwen3() {
        return new TemplateRegistry().named("qwen3", new ModelTexts("qwen3", null, Map.of(), false));
    }

    private static ChatCodec codec(ChatCodec.Rows rows, int maxLength, TruncationStrategy truncation) {
        return new ChatCodec(BUNDLE, qwen3(), RenderOptions.on(LocalDate.of(2026, 1, 2)), rows, maxLength, truncation);
    }

    private static ChatCodec plain() {
        return codec(ChatCodec.Rows.PLAIN, 512, TruncationStrategy.DELETE);
    }

    private static List<Example> encode(ChatCodec codec, Map<String, Object> row) {
        RowCodec.Session session = codec.open();
        return session.encode(session.render(row).get(0).segments());
    }

    private static String decode(int[] ids) {
        return BUNDLE.file().tokenizer().decode(ids, false);
    }

    private static String trained(Example example) {
        List<Integer> ids = new ArrayList<>();
        for (int t = 0; t < example.ids().length; t++) {
            if (example.labels()[t] != Example.IGNORED) {
                ids.add(example.labels()[t]);
            }
        }
        return decode(ids.stream().mapToInt(Integer::intValue).toArray());
    }

    @Test
    void theAnswerIsTrainedAndNothingElse() {
        Example example = encode(plain(), Map.of("query", "who are you?", "response", "A spark.")).get(0);
        assertTrue(decode(example.ids()).contains("<|im_start|>user\nwho are you?<|im_end|>\n<|im_start|>assistant\n"), decode(example.ids()));
        assertTrue(trained(example).contains("A spark.<|im_end|>"), trained(example));
        assertTrue(!trained(example).contains("who are you") && !trained(example).contains("im_start"), trained(example));
    }

    @Test
    void columnsAreRenamedAndNamesPutIn() {
        ChatCodec.Rows rows = new ChatCodec.Rows(Map.of("frage", "query", "antwort", "response"), List.of("小火花", "Sparky"), List.of("我们", "Us"), 42);
        ChatCodec codec = codec(rows, 512, TruncationStrategy.DELETE);
        assertTrue(trained(encode(codec, Map.of("frage", "q", "antwort", "I am {{NAME}} by {{AUTHOR}}", "tag", "en")).get(0)).contains("I am Sparky by Us"));
        assertTrue(trained(encode(codec, Map.of("frage", "q", "antwort", "我是{{NAME}}", "tag", "zh")).get(0)).contains("我是小火花"));
        assertTrue(trained(encode(codec, Map.of("query", "q", "response", "{{NAME}} in a template")).get(0)).contains("{{NAME}}"), "untagged rows stay");
        BadRowException nameless = assertThrows(BadRowException.class, () -> encode(plain(), Map.of("query", "q", "response", "{{NAME}}", "tag", "en")));
        assertTrue(nameless.getMessage().contains("--model_name"), nameless.getMessage());
        assertThrows(DatasetException.class, () -> new ChatCodec.Rows(Map.of(), List.of("a"), List.of(), 1));
    }

    @Test
    void longSamplesFollowTheTruncationStrategy() {
        Map<String, Object> row = Map.of("query", "q", "response", "one two three four five six seven eight nine ten");
        int whole = encode(plain(), row).get(0).ids().length;
        BadRowException dropped = assertThrows(BadRowException.class, () -> encode(codec(ChatCodec.Rows.PLAIN, whole - 1, TruncationStrategy.DELETE), row));
        assertEquals(BadRow.Reason.TOO_LONG, dropped.badRow().reason());
        int[] all = encode(plain(), row).get(0).ids();
        int[] left = encode(codec(ChatCodec.Rows.PLAIN, whole - 3, TruncationStrategy.LEFT), row).get(0).ids();
        assertArrayEquals(Arrays.copyOfRange(all, 3, whole), left);
        List<Example> split = encode(codec(ChatCodec.Rows.PLAIN, whole - 3, TruncationStrategy.SPLIT), row);
        assertEquals(2, split.size());
    }

    @Test
    void aCodecThatTravelledGivesTheSameIds() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(plain());
        }
        ChatCodec arrived = (ChatCodec) new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray())).readObject();
        Map<String, Object> row = Map.of("query", "hello", "response", "hi");
        assertArrayEquals(encode(plain(), row).get(0).ids(), encode(arrived, row).get(0).ids());
        assertEquals(plain().tokenizerFingerprint(), arrived.tokenizerFingerprint());
        assertEquals(plain().templateFingerprint(), arrived.templateFingerprint());
        ChatCodec lastRound = new ChatCodec(BUNDLE, qwen3(), RenderOptions.on(LocalDate.of(2026, 1, 2)).withLossScale(LossScale.LAST_ROUND),
                ChatCodec.Rows.PLAIN, 512, TruncationStrategy.DELETE);
        assertNotEquals(plain().templateFingerprint(), lastRound.templateFingerprint());
        assertNotEquals(plain().rowOptions(), codec(ChatCodec.Rows.PLAIN, 512, TruncationStrategy.LEFT).rowOptions());
    }

    @Test
    void selfCognitionAndRealRowsAreOnePreparation() throws Exception {
        ChatCodec codec = codec(new ChatCodec.Rows(Map.of(), List.of("Sparky"), List.of("Us"), 42), 512, TruncationStrategy.DELETE);
        PrepareOptions options = PrepareOptions.of(List.of("sparktron/self-cognition", "../examples/data/wordnet-sft.jsonl#500"), 512);
        PreparedData data = PrepareJob.builder(options, codec).output(directory.resolve("out").toString()).build().run(TestSpark.session());
        PrepareSummary summary = data.summary().orElseThrow();
        long selfRows = Files.readAllLines(Path.of("../examples/data/self-cognition.jsonl")).size();
        assertEquals(selfRows + 500, summary.kept());
        assertEquals(summary.kept(), data.train().counts().documents());
        Tokenizer tokenizer = BUNDLE.file().tokenizer();
        long named = Shards.samples(data.trainDirectory()).stream().filter(ids -> tokenizer.decode(ids, false).contains("Sparky")).count();
        assertTrue(named > selfRows / 4, named + " samples name the model");
        assertTrue(Shards.samples(data.trainDirectory()).stream().noneMatch(ids -> tokenizer.decode(ids, false).contains("{{")));
        assertEquals(tokenizer.size(), data.train().metadata().vocabularySize());
    }
}
