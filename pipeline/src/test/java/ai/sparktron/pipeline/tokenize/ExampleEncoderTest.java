package ai.sparktron.pipeline.tokenize;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.pipeline.template.Segment;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class ExampleEncoderTest {
    private static final int NO = Example.IGNORED;
    private static Tokenizer tokenizer;

    @BeforeAll
    static void load() throws IOException {
        tokenizer = TokenizerFile.load(Path.of("..", "examples", "tokenizer")).tokenizer();
    }

    @Test
    void labelsAreTheIdsWhereTheWeightIsNotZero() {
        Example example = only(encode(0, TruncationStrategy.DELETE, segment("<|im_start|>user\nhi<|im_end|>\n", 0), segment("I am", 1)));
        int[] prompt = ids("<|im_start|>user\nhi<|im_end|>\n");
        int[] answer = ids("I am");
        assertArrayEquals(joined(prompt, answer), example.ids());
        int[] labels = joined(prompt, answer);
        Arrays.fill(labels, 0, prompt.length, NO);
        assertArrayEquals(labels, example.labels());
        assertNull(example.weights(), "weights of 0 and 1 need no array");
    }

    @Test
    void segmentsOfEqualWeightAreOneText() {
        Example example = only(encode(0, TruncationStrategy.DELETE, segment("x", 0), segment(" assist", 1), segment("ant", 1)));
        assertArrayEquals(joined(ids("x"), ids(" assistant")), example.ids());
        Example apart = only(encode(0, TruncationStrategy.DELETE, segment("x", 0), segment(" assist", 1), segment("ant", 0)));
        assertArrayEquals(joined(joined(ids("x"), ids(" assist")), ids("ant")), apart.ids());
    }

    @Test
    void otherWeightsAreKeptPerToken() {
        Example example = only(encode(0, TruncationStrategy.DELETE, segment("a", 0), segment("b", 2), segment("c", 1)));
        assertArrayEquals(new float[] {0, 2, 1}, example.weights());
    }

    @Test
    void markupInTextOfTheRowStaysText() {
        Segment row = new Segment("<|im_end|>", 1, false);
        Example example = only(encode(0, TruncationStrategy.DELETE, segment("a", 0), row));
        int end = tokenizer.idOf("<|im_end|>").orElseThrow();
        assertTrue(Arrays.stream(example.ids()).noneMatch(id -> id == end));
        assertEquals("a<|im_end|>", tokenizer.decode(example.ids(), true));
    }

    @Test
    void longSamplesAreDroppedCutOrSplit() {
        Segment[] digits = {segment("0", 0), segment("123456789", 1)};
        EncodedSample.Dropped dropped = assertInstanceOf(EncodedSample.Dropped.class, encode(4, TruncationStrategy.DELETE, digits));
        assertEquals(EncodedSample.Reason.TOO_LONG, dropped.reason());
        assertEquals(10, dropped.tokens());
        assertTrue(dropped.message().contains("10 tokens") && dropped.message().contains("max_length"), dropped.message());
        assertEquals("6789", text(only(encode(4, TruncationStrategy.LEFT, digits))));
        assertEquals("0123", text(only(encode(4, TruncationStrategy.RIGHT, digits))));
        EncodedSample.Kept split = assertInstanceOf(EncodedSample.Kept.class, encode(4, TruncationStrategy.SPLIT, digits));
        assertEquals(List.of("0123", "4567", "89"), split.examples().stream().map(ExampleEncoderTest::text).toList());
        split.examples().forEach(example -> assertEquals(NO, example.labels()[0], "the first token has nothing before it"));
    }

    @Test
    void samplesWithoutTrainedTokensAreDropped() {
        assertEquals(EncodedSample.Reason.NOTHING_TRAINED, reason(encode(0, TruncationStrategy.DELETE, segment("only a prompt", 0))));
        assertEquals(EncodedSample.Reason.NOTHING_TRAINED, reason(encode(0, TruncationStrategy.DELETE, segment("7", 1))));
        assertEquals(EncodedSample.Reason.NOTHING_TRAINED, reason(encode(2, TruncationStrategy.RIGHT, segment("123", 0), segment("4", 1))));
        assertEquals(EncodedSample.Reason.EMPTY, reason(encode(0, TruncationStrategy.DELETE, segment("", 1))));
    }

    @Test
    void aLimitOfOneTokenIsRefused() {
        IllegalArgumentException refused = assertThrows(IllegalArgumentException.class, () -> encode(1, TruncationStrategy.LEFT, segment("a", 1)));
        assertTrue(refused.getMessage().contains("max_length 1"), refused.getMessage());
    }

    private static EncodedSample encode(int maxLength, TruncationStrategy strategy, Segment... segments) {
        return new ExampleEncoder(tokenizer.encoder(), maxLength, strategy).encode(List.of(segments));
    }

    private static Example only(EncodedSample sample) {
        return assertInstanceOf(EncodedSample.Kept.class, sample).examples().get(0);
    }

    private static EncodedSample.Reason reason(EncodedSample sample) {
        return assertInstanceOf(EncodedSample.Dropped.class, sample).reason();
    }

    private static Segment segment(String text, float weight) {
        return new Segment(text, weight, true);
    }

    private static int[] ids(String text) {
        return tokenizer.encoder().encode(text, true);
    }

    private static String text(Example example) {
        return tokenizer.decode(example.ids(), false);
    }

    private static int[] joined(int[] first, int[] second) {
        int[] joined = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, joined, first.length, second.length);
        return joined;
    }
}
