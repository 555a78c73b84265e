package ai.sparktron.notebooks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.packing.bin.Packing;
import ai.sparktron.packing.shard.PackedRowBuilder;
import ai.sparktron.packing.shard.ShardEntry;
import ai.sparktron.packing.shard.ShardManifest;
import ai.sparktron.packing.shard.ShardMetadata;
import ai.sparktron.packing.shard.ShardWriter;
import ai.sparktron.pipeline.tokenize.Tokenizer;
import ai.sparktron.pipeline.tokenize.TokenizerFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Element;

class PreparedRowsTest {

    private static final int CAPACITY = 64;
    private static final String QUESTION = "<|im_start|>user\nWhat is <b>bold</b>?<|im_end|>\n<|im_start|>assistant\n";
    private static final String ANSWER = "A 粗体 face 🙂.<|im_end|>";

    @TempDir
    Path directory;
    private Tokenizer tokenizer;

    @BeforeEach
    void load() throws IOException {
        tokenizer = TokenizerFile.load(Projects.root().resolve("examples/tokenizer")).tokenizer();
    }

    /** Two shards; in the second row of the first a question with a weighted answer follows a filler. */
    private void write(float answerWeight) throws IOException {
        ShardMetadata metadata = ShardMetadata.of(tokenizer.fingerprint(), "template", tokenizer.size(), CAPACITY, Packing.BEST_FIT, 42);
        PackedRowBuilder row = new PackedRowBuilder();
        List<ShardEntry> shards = new ArrayList<>();
        try (ShardWriter writer = ShardWriter.create(directory.resolve("part-0.arrow"), metadata)) {
            filler(row.clear(), 64);
            writer.append(row);
            filler(row.clear(), 3);
            sample(row, answerWeight);
            writer.append(row);
            shards.add(writer.finish());
        }
        try (ShardWriter writer = ShardWriter.create(directory.resolve("part-1.arrow"), metadata)) {
            filler(row.clear(), 5);
            filler(row, 6);
            writer.append(row);
            shards.add(writer.finish());
        }
        new ShardManifest(metadata, shards).write(directory);
    }

    private static void filler(PackedRowBuilder row, int length) {
        int[] ids = new int[length];
        java.util.Arrays.fill(ids, 100);
        row.add(ids, ids.clone(), null);
    }

    private void sample(PackedRowBuilder row, float weight) {
        int[] question = tokenizer.encoder().encode(QUESTION, true);
        int[] answer = tokenizer.encoder().encode(ANSWER, true);
        int[] ids = new int[question.length + answer.length];
        int[] labels = new int[ids.length];
        float[] weights = new float[ids.length];
        for (int t = 0; t < ids.length; t++) {
            boolean trained = t >= question.length;
            ids[t] = trained ? answer[t - question.length] : question[t];
            labels[t] = trained ? ids[t] : -100;
            weights[t] = trained ? weight : 0;
        }
        row.add(ids, labels, weight == 1 ? null : weights);
    }

    @Test
    void exactlyTheTrainedTokensAreColoured() throws IOException {
        write(1);
        TokenPicture picture = PreparedRows.open(directory.toString()).sample(2, tokenizer);
        assertEquals(tokenizer.encoder().encode(ANSWER, true).length, picture.trainedTokens());
        Markup markup = Markup.parse(picture.html());
        assertEquals(ANSWER, plain(markup.text("span", PreparedRowsTest::isTrained)));
        assertEquals(QUESTION, plain(markup.text("span", token -> token.hasAttribute("title") && !isTrained(token))));
        assertEquals(0, markup.elements("b", element -> element.getTextContent().equals("bold")).size(), "the sample's markup is text");
    }

    private static boolean isTrained(Element span) {
        return span.hasAttribute("title") && span.getAttribute("style").contains("background");
    }

    /** Without the sign that shows a line break. */
    private static String plain(String text) {
        return text.replace("\u21b5", "");
    }

    @Test
    void lossWeightsAreShown() throws IOException {
        write(0.5f);
        String html = PreparedRows.open("file:" + directory).sample(2, tokenizer).html();
        assertEquals(PreparedRows.open(directory.toString()).sample(2, tokenizer).pieces().stream().filter(piece -> piece.weight() == 0.5f).count(),
                html.split("weight 0.5", -1).length - 1);
        assertTrue(html.contains("weight 0.5"), html);
    }

    @Test
    void lengthsAndFillAreThoseOfTheRows() throws IOException {
        write(1);
        PreparedRows rows = PreparedRows.open(directory.toString());
        int sample = tokenizer.encoder().encode(QUESTION, true).length + tokenizer.encoder().encode(ANSWER, true).length;
        int tokens = 64 + 3 + sample + 5 + 6;
        assertEquals(5, rows.samples());
        assertEquals(5, rows.lengths().heights().stream().mapToLong(Long::longValue).sum());
        assertEquals("61-64", rows.lengths().labels().get(rows.lengths().labels().size() - 1));
        assertEquals(List.of(1L, 2L), rows.lengths().heights().subList(0, 2), "3; 5 and 6 in ranges of 4");
        assertEquals(tokens / (3.0 * CAPACITY), rows.fill(), 1e-9);
        assertEquals(List.of(List.of(64), List.of(3, sample)), rows.rows(2).rows());
        assertEquals(List.of("tokens", Integer.toString(tokens)), rows.packing().rows().get(3));
        assertEquals(String.format(java.util.Locale.ROOT, "%.2f %%", 100 * tokens / (5 * 64.0)), rows.packing().rows().get(6).get(1));
    }

    @Test
    void whatCannotBeShownIsSaid() throws IOException {
        write(1);
        PreparedRows rows = PreparedRows.open(directory.toString());
        String message = assertThrows(IllegalArgumentException.class, () -> rows.sample(5, tokenizer)).getMessage();
        assertTrue(message.contains("sample 5") && message.contains("0 to 4"), message);
        Tokenizer other = TokenizerFile.load(Projects.root().resolve("examples/tokenizer"), List.of("<|new|>")).tokenizer();
        message = assertThrows(IllegalArgumentException.class, () -> rows.sample(0, other)).getMessage();
        assertTrue(message.contains("prepared with the tokenizer"), message);
        message = assertThrows(IllegalArgumentException.class, () -> PreparedRows.open("hdfs://host/data")).getMessage();
        assertTrue(message.contains("not on this machine"), message);
    }
}
