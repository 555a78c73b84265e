package ai.sparktron.pipeline.tokenize;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerFileTest {
    private static final Path EXAMPLE = Path.of("..", "examples", "models", "qwen3-tiny");

    @TempDir
    private Path directory;

    @Test
    void theExampleModelSaysHowItEnds() throws IOException {
        TokenizerFile file = TokenizerFile.load(EXAMPLE);
        assertEquals(4096, file.tokenizer().size());
        assertEquals("<|im_end|>", file.settings().eosToken());
        assertEquals(4072, file.eosId().orElseThrow());
        assertEquals(4070, file.padId().orElseThrow());
        assertTrue(file.bosId().isEmpty());
        assertEquals(List.of(4072, 4070), file.settings().stopIds());
        assertEquals(2048, file.settings().modelMaxLength());
        assertTrue(file.settings().chatTemplate().contains("<|im_start|>"));
        assertEquals(26, file.tokenizer().addedTokens().size());
        assertEquals("<|im_start|>", file.tokenizer().tokenOf(4071));
    }

    @Test
    void settingsComeInAllTheirSpellings() throws IOException {
        copyTokenizer("""
                "post_processor" : {"type": "Sequence", "processors": [{"type": "TemplateProcessing",
                  "single": [{"SpecialToken": {"id": "<|im_start|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                             {"SpecialToken": {"id": "<|im_end|>", "type_id": 0}}],
                  "special_tokens": {"<|im_start|>": {"id": "<|im_start|>", "ids": [4071], "tokens": []},
                                     "<|im_end|>": {"id": "<|im_end|>", "ids": [4072], "tokens": []}}}]}""");
        write("tokenizer_config.json", """
                {"bos_token": {"__type": "AddedToken", "content": "<|im_start|>"}, "model_max_length": 1000000000000000019884624838656,
                 "chat_template": [{"name": "default", "template": "one"}, {"name": "tool_use", "template": "two"}],
                 "added_tokens_decoder": {"4096": {"content": "<extra>", "special": true}}}""");
        write("special_tokens_map.json", "{\"eos_token\": {\"content\": \"<|im_end|>\"}}");
        write("generation_config.json", "{\"eos_token_id\": 4070}");
        TokenizerFile file = TokenizerFile.load(directory);
        assertEquals("<|im_start|>", file.settings().bosToken());
        assertEquals("<|im_end|>", file.settings().eosToken());
        assertEquals(List.of(4070, 4072), file.settings().stopIds());
        assertNull(file.settings().modelMaxLength(), "1e30 stands for no limit");
        assertEquals("one", file.settings().chatTemplate());
        assertEquals(Map.of("tool_use", "two"), file.settings().namedTemplates());
        assertEquals(List.of(4071), file.settings().prefixIds());
        assertEquals(List.of(4072), file.settings().suffixIds());
        assertTrue(file.settings().addBosToken(), "the post-processor puts it there");
        assertEquals(4096, file.tokenizer().idOf("<extra>").orElseThrow());
        write("chat_template.jinja", "three");
        assertEquals("three", TokenizerFile.load(directory).settings().chatTemplate(), "a file of its own wins");
    }

    @Test
    void newSpecialTokensFollowTheLastId() throws IOException {
        TokenizerFile file = TokenizerFile.load(EXAMPLE, List.of("<plan>", "</think>", "</plan>"));
        Tokenizer tokenizer = file.tokenizer();
        assertEquals(4098, tokenizer.size());
        int think = tokenizer.idOf("</think>").orElseThrow();
        assertArrayEquals(new int[] {4096, think, 4097}, tokenizer.encoder().encode("<plan></think></plan>", true));
        assertEquals("", tokenizer.decode(new int[] {4096, think, 4097}, true), "all three are special now");
        assertNotEquals(TokenizerFile.load(EXAMPLE).tokenizer().fingerprint(), tokenizer.fingerprint());
    }

    @Test
    void theFingerprintIsThatOfTheContent() throws IOException {
        copyTokenizer("\"post_processor\" : null");
        assertEquals(TokenizerFile.load(EXAMPLE).tokenizer().fingerprint(), TokenizerFile.load(directory).tokenizer().fingerprint());
    }

    @Test
    void halvesOfSurrogatePairsBecomeOneReplacementEach() throws IOException {
        Tokenizer tokenizer = TokenizerFile.load(EXAMPLE).tokenizer();
        Tokenizer.Encoder encoder = tokenizer.encoder();
        assertEquals("a\uFFFDb\uFFFD\uD83D\uDE00", tokenizer.decode(encoder.encode("a\uD83Db\uDE00\uD83D\uDE00", true), false));
        assertEquals(2, encoder.loneSurrogates());
    }

    @Test
    void aWordOfAMegabyteTakesSecondsNotHours() throws IOException {
        Tokenizer tokenizer = TokenizerFile.load(EXAMPLE).tokenizer();
        String word = "assistant".repeat(120_000);
        assertEquals(word, tokenizer.decode(tokenizer.encoder().encode(word, true), false));
    }

    @Test
    void threadsShareTheTokenizer() throws IOException, InterruptedException, ExecutionException {
        Tokenizer tokenizer = TokenizerFile.load(EXAMPLE).tokenizer();
        String text = Files.readString(Path.of("..", "examples", "data", "self-cognition.jsonl"));
        int[] expected = tokenizer.encoder().encode(text, true);
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<int[]>> results = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                results.add(threads.submit(() -> tokenizer.encoder().encode(text, true)));
            }
            for (Future<int[]> result : results) {
                assertArrayEquals(expected, result.get());
            }
        } finally {
            threads.shutdown();
        }
    }

    @Test
    void badDirectoriesAreNamed() throws IOException {
        assertRefused("has no tokenizer.json");
        write("tokenizer.model", "x");
        assertRefused("tokenizer.model, which has to be converted");
        write("tokenizer.json", "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, ");
        assertRefused("no valid JSON");
        write("tokenizer.json", "{\"model\": {\"type\": \"BPE\", \"vocab\": {}, \"merges\": []}}");
        assertRefused("model.vocab is empty");
    }

    private void assertRefused(String expected) {
        IllegalArgumentException refused = assertThrows(IllegalArgumentException.class, () -> TokenizerFile.load(directory));
        assertTrue(refused.getMessage().contains(expected) && refused.getMessage().contains(directory.toString()), refused.getMessage());
    }

    private void copyTokenizer(String postProcessor) throws IOException {
        String json = Files.readString(EXAMPLE.resolve("tokenizer.json"));
        write("tokenizer.json", json.replaceFirst("\"post_processor\" : \\{[^}]*}", postProcessor.replace("$", "\\$")));
    }

    private void write(String name, String content) throws IOException {
        Files.writeString(directory.resolve(name), content);
    }
}
