package ai.sparktron.pipeline.tokenize.train;

import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Trains a byte-level BPE on the texts of jsonl files and writes it as a Hugging Face {@code tokenizer.json} with Qwen's split, NFC and markup.
 *
 * <pre>java -cp ... ai.sparktron.pipeline.tokenize.train.TrainTokenizer examples/tokenizer/tokenizer.json 4096 rows.jsonl*20 more.jsonl</pre>
 *
 * The size counts the markup tokens; {@code *20} counts a file's text twenty times. Every string of a row is text, except {@code role} and
 * {@code tag}; placeholders such as {@code {{NAME}}} are left out.
 */
public final class TrainTokenizer {
    /** Added tokens of the Qwen3 tokenizer in its order; the first fourteen are special (left out of decoded text). */
    static final List<String> MARKUP = List.of("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
            "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
            "<|image_pad|>", "<|video_pad|>", "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
            "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>", "</think>");
    private static final int SPECIAL = 14;
    private static final String SPLIT = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
            + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final ObjectMapper JSON = new ObjectMapper();

    private TrainTokenizer() { }

    public static void main(String[] arguments) throws IOException {
        if (arguments.length < 3) {
            throw new IllegalArgumentException("expected: OUTPUT_FILE SIZE FILE.jsonl[*TIMES] ..., given: " + String.join(" ", arguments));
        }
        BpeTrainer trainer = new BpeTrainer(1);
        for (int i = 2; i < arguments.length; i++) {
            int star = arguments[i].lastIndexOf('*');
            Path file = Path.of(star < 0 ? arguments[i] : arguments[i].substring(0, star));
            addRows(trainer, file, star < 0 ? 1 : Long.parseLong(arguments[i].substring(star + 1)));
        }
        BpeTrainer.Vocabulary vocabulary = trainer.train(Integer.parseInt(arguments[1]) - MARKUP.size());
        DefaultPrettyPrinter printer = new DefaultPrettyPrinter();
        printer.indentArraysWith(new DefaultIndenter("  ", "\n"));
        printer.indentObjectsWith(new DefaultIndenter("  ", "\n"));
        Files.writeString(Path.of(arguments[0]), JSON.writer(printer).writeValueAsString(tokenizerJson(vocabulary)) + "\n");
        System.out.println("wrote " + arguments[0] + ": " + vocabulary.tokens().size() + " tokens + " + MARKUP.size() + " added tokens");
    }

    private static void addRows(BpeTrainer trainer, Path file, long times) throws IOException {
        try (BufferedReader rows = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            for (String row = rows.readLine(); row != null; row = rows.readLine()) {
                addTexts(trainer, "", JSON.readTree(row), times);
            }
        }
    }

    private static void addTexts(BpeTrainer trainer, String key, JsonNode node, long times) {
        if (node.isTextual() && !key.equals("role") && !key.equals("tag")) {
            for (String text : node.textValue().split("\\{\\{[A-Z]+}}")) {
                trainer.add(text, times);
            }
        }
        node.fieldNames().forEachRemaining(name -> addTexts(trainer, name, node.get(name), times));
        if (node.isArray()) {
            node.forEach(element -> addTexts(trainer, key, element, times));
        }
    }

    static ObjectNode tokenizerJson(BpeTrainer.Vocabulary vocabulary) {
        ObjectNode root = JSON.createObjectNode();
        root.put("version", "1.0");
        root.putNull("truncation").putNull("padding");
        ArrayNode added = root.putArray("added_tokens");
        for (int i = 0; i < MARKUP.size(); i++) {
            added.addObject().put("id", vocabulary.tokens().size() + i).put("content", MARKUP.get(i)).put("single_word", false)
                    .put("lstrip", false).put("rstrip", false).put("normalized", false).put("special", i < SPECIAL);
        }
        root.putObject("normalizer").put("type", "NFC");
        ObjectNode sequence = root.putObject("pre_tokenizer").put("type", "Sequence");
        ArrayNode steps = sequence.putArray("pretokenizers");
        ObjectNode split = steps.addObject().put("type", "Split");
        split.putObject("pattern").put("Regex", SPLIT);
        split.put("behavior", "Isolated").put("invert", false);
        steps.add(byteLevel());
        root.set("post_processor", byteLevel());
        root.set("decoder", byteLevel());
        ObjectNode model = root.putObject("model").put("type", "BPE").putNull("dropout").putNull("unk_token");
        model.put("continuing_subword_prefix", "").put("end_of_word_suffix", "").put("fuse_unk", false).put("byte_fallback", false);
        model.put("ignore_merges", false);
        ObjectNode ids = model.putObject("vocab");
        for (int id = 0; id < vocabulary.tokens().size(); id++) {
            ids.put(vocabulary.tokens().get(id), id);
        }
        ArrayNode merges = model.putArray("merges");
        vocabulary.merges().forEach(pair -> merges.add(vocabulary.tokens().get(pair[0]) + " " + vocabulary.tokens().get(pair[1])));
        return root;
    }

    private static ObjectNode byteLevel() {
        return JSON.createObjectNode().put("type", "ByteLevel").put("add_prefix_space", false).put("trim_offsets", false).put("use_regex", false);
    }
}
