package ai.sparktron.pipeline.tokenize;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/** Hugging Face's own library (through DJL) on the same {@code tokenizer.json}: what our ids must equal. */
final class HuggingFaceOracle implements AutoCloseable {
    private final HuggingFaceTokenizer tokenizer;

    /** DJL truncates to 512 tokens and pads unless told not to. */
    HuggingFaceOracle(Path tokenizerJson) throws IOException {
        tokenizer = HuggingFaceTokenizer.newInstance(Files.newInputStream(tokenizerJson),
                Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "false"));
    }

    int[] encode(String text) {
        return Arrays.stream(tokenizer.encode(text).getIds()).mapToInt(Math::toIntExact).toArray();
    }

    String decode(int[] ids, boolean skipSpecialTokens) {
        return tokenizer.decode(Arrays.stream(ids).asLongStream().toArray(), skipSpecialTokens);
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
