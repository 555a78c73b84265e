package ai.sparktron.pipeline.tokenize;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Starting from whole characters gives the ids that starting from bytes gives. */
class WholeCharactersTest {
    private static final int WORDS = Integer.getInteger("sparktron.strings", 100_000);
    private static final long SEED = 11;
    /** A model directory; without it the example, which knows few characters. */
    private static final Path DIRECTORY = Path.of(System.getProperty("sparktron.tokenizer", "../examples/tokenizer"));

    @Test
    void wordsHaveTheIdsOfTheirBytes() throws IOException {
        TokenizerJson json = TokenizerJson.read(DIRECTORY.resolve("tokenizer.json"));
        MergeTable merges = TokenizerAssembly.merges(json);
        int[] idOfByte = IntStream.range(0, 256).map(value -> json.vocabulary().get(String.valueOf(ByteAlphabet.characterOf(value)))).toArray();
        int[] idOfCharacter = WholeCharacters.of(json, merges, idOfByte);
        int[] none = new int[idOfCharacter.length];
        Arrays.fill(none, -1);
        WordEncoder byCharacters = new WordEncoder(new BpeModel(new BpeModel.ByteSymbols(idOfByte, idOfCharacter), merges, null));
        WordEncoder byBytes = new WordEncoder(new BpeModel(new BpeModel.ByteSymbols(idOfByte, none), merges, null));
        int[] characters = IntStream.range(0, idOfCharacter.length).filter(codePoint -> idOfCharacter[codePoint] >= 0).toArray();
        assertTrue(characters.length >= 20, "only " + characters.length + " characters are whole");
        int[] common = Files.readString(Path.of("../examples/data/self-cognition.jsonl")).codePoints().toArray();
        Random random = new Random(SEED);
        for (int i = 0; i < WORDS; i++) {
            byte[] word = word(random, characters, common).getBytes(StandardCharsets.UTF_8);
            byte[] padded = Arrays.copyOf(word, word.length + WordCache.PADDING);
            byCharacters.word(padded, 0, word.length);
            byBytes.word(padded, 0, word.length);
            int number = i;
            assertArrayEquals(byBytes.take(), byCharacters.take(),
                    () -> "seed " + SEED + " word " + number + ": " + new String(word, StandardCharsets.UTF_8));
        }
    }

    private static String word(Random random, int[] characters, int[] common) {
        StringBuilder word = new StringBuilder();
        for (int left = 1 + random.nextInt(12); left > 0; left--) {
            switch (random.nextInt(8)) {
                case 0 -> word.appendCodePoint(0x80 + random.nextInt(0xD780));
                case 1 -> word.append((char) (32 + random.nextInt(95)));
                case 2, 3, 4 -> {
                    int from = random.nextInt(common.length - 4);
                    word.append(new String(common, from, 1 + random.nextInt(4)));
                }
                default -> word.appendCodePoint(characters[random.nextInt(characters.length)]);
            }
        }
        return word.toString();
    }
}
