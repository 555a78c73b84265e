package ai.sparktron.pipeline.tokenize;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Byte-pair encodings that no hand-written scanner covers: other splits, normalizers, decoders and vocabularies, against Hugging Face's library. */
class GeneralPathTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Path EXAMPLE = Path.of("..", "examples", "tokenizer", "tokenizer.json");
    private static final int STRINGS = 4000;
    private static final long SEED = 7;

    private static final String BYTES = "{'type':'ByteLevel','add_prefix_space':false,'trim_offsets':true,'use_regex':false}";
    private static final String GPT2 = "{'type':'ByteLevel','add_prefix_space':false,'trim_offsets':true,'use_regex':true}";
    private static final String CL100K = "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$"
            + "|\\s*[\\r\\n]|\\s+(?!\\S)|\\s";
    private static final String O200K = "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+"
            + "(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*"
            + "(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String HAN = "[\\p{Han}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]*"
            + "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s+(?!\\S)|\\s+";

    @TempDir
    private Path directory;

    static Stream<Arguments> splits() {
        return Stream.of(
                Arguments.of("GPT-2", GPT2),
                Arguments.of("GPT-2 with a space before", GPT2.replace("'add_prefix_space':false", "'add_prefix_space':true")),
                Arguments.of("cl100k, possessive", sequence(split(CL100K, "Isolated", false), BYTES)),
                Arguments.of("cl100k, removed when inverted", sequence(split(CL100K, "Removed", true), BYTES)),
                Arguments.of("o200k", sequence(split(O200K, "Isolated", false), BYTES)),
                Arguments.of("ideographs by intersection", sequence(split(HAN, "Isolated", false), BYTES)),
                Arguments.of("nested classes", sequence(split(" ?[^(\\s|[.,!?\u2026\u3002\uFF0C\u3001])]+", "Isolated", false), BYTES)),
                Arguments.of("one digit each, then GPT-2", sequence("{'type':'Digits','individual_digits':true}", GPT2)),
                Arguments.of("steps after the bytes", sequence("{'type':'Punctuation','behavior':'Contiguous'}", GPT2,
                        "{'type':'Digits','individual_digits':false}", split("[0-9][0-9][0-9]", "Isolated", false))),
                Arguments.of("five splits", sequence(split("[\\r\\n]", "Isolated", false), split("\\s?\\p{L}+", "Isolated", false),
                        split("\\s?\\p{P}+", "Isolated", false), split("[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+", "Isolated", false), BYTES)),
                Arguments.of("groups that repeat", sequence(split("(?:ab?|[0-9]+,?){1,4}?\\b|(?:\\p{L}\\p{M}*)+|(?<=\\s)\\S|(?<![a-z])[.]", "Isolated",
                        false), BYTES)),
                Arguments.of("text joined to the one before", sequence(text("e", "MergedWithPrevious"), BYTES)),
                Arguments.of("text joined to the one after", sequence(text(" ", "MergedWithNext"), BYTES)),
                Arguments.of("text joined to itself", sequence(text(" ", "Contiguous"), BYTES)),
                Arguments.of("white space left out", sequence("{'type':'WhitespaceSplit'}", "{'type':'Punctuation','behavior':'Isolated'}", BYTES)),
                Arguments.of("words and the rest", sequence("{'type':'Whitespace'}", BYTES)),
                Arguments.of("a delimiter", sequence("{'type':'CharDelimiterSplit','delimiter':'o'}", BYTES)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("splits")
    void splitsAsTheLibrary(String name, String preTokenizer) throws IOException {
        ObjectNode root = example();
        root.set("pre_tokenizer", json(preTokenizer));
        assertParity(root);
    }

    static Stream<String> normalizers() {
        return Stream.of("{'type':'NFD'}", "{'type':'NFKC'}", "{'type':'NFKD'}", "{'type':'Lowercase'}",
                "{'type':'Sequence','normalizers':[{'type':'NFD'},{'type':'StripAccents'},{'type':'Strip','strip_left':true,'strip_right':false}]}",
                "{'type':'Sequence','normalizers':[{'type':'Replace','pattern':{'Regex':'\\\\s+'},'content':' '},{'type':'Prepend','prepend':'_'}]}");
    }

    @ParameterizedTest
    @MethodSource("normalizers")
    void normalizesAsTheLibrary(String normalizer) throws IOException {
        ObjectNode root = example();
        root.set("normalizer", json(normalizer));
        assertParity(root);
    }

    @Test
    void addedTokensTakeTheirFlagsIntoAccount() throws IOException {
        ObjectNode root = example();
        ArrayNode added = (ArrayNode) root.get("added_tokens");
        String[] contents = {"hello", "World", "|>", "the", "\u00C5", "a", "foo()"};
        for (int i = 0; i < contents.length; i++) {
            added.addObject().put("id", 4096 + i).put("content", contents[i]).put("single_word", i % 2 == 1).put("lstrip", i == 0 || i == 3)
                    .put("rstrip", i == 1 || i == 3).put("normalized", i >= 3).put("special", i == 2);
        }
        assertParity(root);
    }

    @Test
    void wholeWordsComeBeforeMerges() throws IOException {
        ObjectNode root = example();
        ((ObjectNode) root.get("model")).put("ignore_merges", true);
        ArrayNode merges = (ArrayNode) root.get("model").get("merges");
        for (int i = merges.size() - 1; i >= 0; i -= 3) {
            merges.remove(i); // so that many words of the vocabulary cannot be merged
        }
        assertParity(root);
    }

    static Stream<Arguments> characterVocabularies() {
        String llama = "{'type':'Sequence','normalizers':[{'type':'Prepend','prepend':'\u2581'},"
                + "{'type':'Replace','pattern':{'String':' '},'content':'\u2581'}]}";
        String llamaDecoder = "{'type':'Sequence','decoders':[{'type':'Replace','pattern':{'String':'\u2581'},'content':' '},"
                + "{'type':'ByteFallback'},{'type':'Fuse'},{'type':'Strip','content':' ','start':1,'stop':0}]}";
        String metaspace = "{'type':'Metaspace','replacement':'\u2581','prepend_scheme':'%s','split':%s}";
        return Stream.of(Arguments.of(true, llama, "null", llamaDecoder),
                Arguments.of(true, "null", String.format(metaspace, "first", "false"), llamaDecoder),
                Arguments.of(true, "null", String.format(metaspace, "always", "true"), String.format(metaspace, "always", "true")),
                Arguments.of(false, "null", String.format(metaspace, "never", "true"), String.format(metaspace, "never", "true")));
    }

    @ParameterizedTest
    @MethodSource("characterVocabularies")
    void charactersAndByteFallbackAsTheLibrary(boolean hasBytes, String normalizer, String preTokenizer, String decoder) throws IOException {
        ObjectNode root = inCharacters(example(), hasBytes);
        root.set("normalizer", json(normalizer));
        root.set("pre_tokenizer", json(preTokenizer));
        root.set("decoder", json(decoder));
        assertParity(root);
    }

    @Test
    void otherKindsAreRefusedByName() throws IOException {
        ObjectNode unigram = example();
        unigram.set("model", json("{'type':'Unigram','vocab':[['a',0.5]],'unk_id':0}"));
        assertRefused(unigram, "Unigram");
        ObjectNode wordPiece = example();
        ((ObjectNode) wordPiece.get("model")).put("type", "WordPiece");
        assertRefused(wordPiece, "WordPiece");
        ObjectNode scripts = example();
        scripts.set("pre_tokenizer", json("{'type':'UnicodeScripts'}"));
        assertRefused(scripts, "UnicodeScripts");
        ObjectNode expression = example();
        expression.set("pre_tokenizer", json(sequence(split("(?<word>a)", "Isolated", false), BYTES)));
        assertRefused(expression, "named group");
        ObjectNode merge = example();
        ((ArrayNode) merge.get("model").get("merges")).insert(5, "zz zz");
        assertRefused(merge, "merge 5");
    }

    private void assertParity(ObjectNode root) throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), JSON.writeValueAsString(root));
        ParityReport report = ParityReport.compare(directory, STRINGS, SEED);
        assertEquals(List.of(), report.differences());
        assertTrue(report.tokens() > STRINGS, "only " + report.tokens() + " tokens were compared");
    }

    private void assertRefused(ObjectNode root, String named) throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), JSON.writeValueAsString(root));
        IllegalArgumentException refused = assertThrows(IllegalArgumentException.class, () -> TokenizerFile.load(directory));
        assertTrue(refused.getMessage().contains(named) && refused.getMessage().contains("tokenizer.json"), refused.getMessage());
    }

    /** The example's vocabulary in characters instead of bytes: what is no text falls away, a space is U+2581, and bytes are {@code <0xHH>}. */
    private static ObjectNode inCharacters(ObjectNode root, boolean hasBytes) {
        ObjectNode model = (ObjectNode) root.get("model");
        Map<String, Integer> ids = new LinkedHashMap<>();
        ids.put("<unk>", 0);
        for (int value = 0; hasBytes && value < 256; value++) {
            ids.put(String.format("<0x%02X>", value), ids.size());
        }
        model.get("vocab").fieldNames().forEachRemaining(token -> {
            String text = text(token);
            if (text != null) {
                ids.putIfAbsent(text, ids.size());
            }
        });
        for (String character : List.of("\u4E2D", "\u6587", "\u00E9", "\u3042")) {
            ids.putIfAbsent(character, ids.size());
        }
        ArrayNode merges = JSON.createArrayNode();
        model.get("merges").forEach(merge -> {
            String[] pair = merge.asText().split(" ");
            String left = text(pair[0]);
            String right = text(pair[1]);
            if (left != null && right != null && ids.containsKey(left + right)) {
                merges.addArray().add(left).add(right);
            }
        });
        model.set("vocab", JSON.valueToTree(ids));
        model.set("merges", merges);
        model.put("byte_fallback", hasBytes).put("unk_token", "<unk>").put("fuse_unk", hasBytes);
        int next = ids.size();
        for (JsonNode added : root.get("added_tokens")) {
            ((ObjectNode) added).put("id", next++);
        }
        return root;
    }

    private static String text(String token) {
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(ByteAlphabet.bytesOf(token))).toString();
            return text.replace(' ', '\u2581');
        } catch (CharacterCodingException e) {
            return null;
        }
    }

    private static ObjectNode example() throws IOException {
        return (ObjectNode) JSON.readTree(EXAMPLE.toFile());
    }

    private static JsonNode json(String withSingleQuotes) throws IOException {
        return JSON.readTree(withSingleQuotes.replace('\'', '"'));
    }

    private static String sequence(String... steps) {
        return "{'type':'Sequence','pretokenizers':[" + String.join(",", steps) + "]}";
    }

    private static String split(String regex, String behavior, boolean isInverted) {
        String escaped = regex.replace("\\", "\\\\").replace("'", "\\u0027");
        return "{'type':'Split','pattern':{'Regex':'" + escaped + "'},'behavior':'" + behavior + "','invert':" + isInverted + "}";
    }

    private static String text(String wanted, String behavior) {
        return "{'type':'Split','pattern':{'String':'" + wanted + "'},'behavior':'" + behavior + "','invert':false}";
    }
}
