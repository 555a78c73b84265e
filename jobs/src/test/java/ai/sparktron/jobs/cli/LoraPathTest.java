package ai.sparktron.jobs.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The quick start with {@code --train_type lora}: a model that knows its name learns another one beside its weights. */
@Timeout(300)
class LoraPathTest {

    private static final String MODEL = Path.of("..", "examples", "models", "qwen3-tiny").toString();
    private static final String ROWS = Path.of("..", "examples", "data", "self-cognition.jsonl").toString();
    private static final String SELF = ROWS + "#40";
    /** A smaller model than the example's, so that it learns in seconds. */
    private static final List<String> SHAPE = List.of("--num_layers", "2", "--hidden_size", "64", "--ffn_hidden_size", "128", "--kv_channels", "16");

    /** Words that the base has seen elsewhere: additions to its layers can only choose among what its head knows. */
    private static final String WORDS = """
            {"query": "Which dog barks?", "response": "Sparky barks. I like Sparky, \u6211\u559c\u6b22 Sparky\u3002"}
            {"query": "Which team won?", "response": "Team Sparktron won. It was Team Sparktron, \u7531 Team Sparktron \u8d62\u4e86\u3002"}
            """;

    @TempDir
    private Path folder;
    private final CommandLine commandLine = new CommandLine();

    @AfterEach
    void clearSettings() {
        commandLine.close();
    }

    private static List<String> named(String name, String author) {
        return List.of("--dataset_shuffle", "false", "--model_name", name, "--model_author", author, "--max_length", "96", "--packing", "true",
                "--micro_batch_size", "2", "--global_batch_size", "4", "--weight_decay", "0", "--add_version", "false", "--num_ranks", "2");
    }

    private List<JsonNode> answers(String file, Object... words) throws IOException {
        Path questions = folder.resolve("questions.jsonl");
        Files.writeString(questions, "{\"query\": \"who are you?\"}\n{\"query\": \"what is your name?\"}\n");
        List<Object> all = new ArrayList<>(List.of(words));
        all.addAll(List.of("--val_dataset", questions, "--result_path", folder.resolve(file), "--max_new_tokens", 40));
        commandLine.run("infer", all.toArray());
        List<JsonNode> answers = new ArrayList<>();
        for (String line : Files.readAllLines(folder.resolve(file))) {
            answers.add(new ObjectMapper().readTree(line));
        }
        assertEquals(2, answers.size());
        return answers;
    }

    @Test
    void anAdapterGivesTheModelAnotherName() throws IOException {
        Path base = folder.resolve("base");
        Path words = folder.resolve("words.jsonl");
        Files.writeString(words, WORDS.repeat(4));
        commandLine.run("sft", "--model", MODEL, "--perform_initialization", true, SHAPE, "--dataset", SELF, words, named("Ada", "the first team"), "--lr", "1e-2",
                "--train_iters", 80, "--save", base);
        assertTrue(answers("base.jsonl", "--model", base).get(0).get("response").asText().contains("Ada"), "the base knows its own name");

        Path tuned = folder.resolve("tuned");
        commandLine.run("sft", "--train_type", "lora", "--model", base.resolve("last"), "--dataset", SELF, named("Sparky", "Team Sparktron"), "--lora_rank", 16,
                "--lora_dropout", "0.02", "--lr", "1e-2", "--train_iters", 60, "--save", tuned);
        assertTrue(commandLine.printed().contains(" parameters are trained ("), "the share of trained parameters is printed");
        assertFalse(Files.exists(tuned.resolve("last/model.safetensors")), "the delta alone is saved");

        List<JsonNode> beside = answers("beside.jsonl", "--adapters", tuned);
        for (JsonNode answer : beside) {
            assertTrue(answer.get("response").asText().contains("Sparky"), answer.toString());
        }
        assertTrue(beside.get(0).get("response").asText().contains("Team Sparktron"), beside.get(0).toString());
        assertEquals(beside, answers("merged-when-loaded.jsonl", "--adapters", tuned, "--merge_lora", true));

        commandLine.run("export", "--adapters", tuned, "--merge_lora", true, "--output_dir", folder.resolve("merged"), "--test_convert_precision", true);
        assertEquals(beside, answers("merged.jsonl", "--model", folder.resolve("merged"), "--load_args", false));
        commandLine.run("export", "--adapters", tuned, "--to_hf", true, "--output_dir", folder.resolve("delta"));
        assertEquals(beside, answers("delta.jsonl", "--model", base, "--adapters", folder.resolve("delta"), "--load_args", false));

        commandLine.run("sft", "--train_type", "lora", "--adapter_load", tuned, "--finetune", false, "--dataset", SELF, named("Sparky", "Team Sparktron"), "--lr", "1e-2",
                "--train_iters", 64, "--save", folder.resolve("more"));
        assertTrue(commandLine.printed().contains("continuing from step 60"), "the model and the place are found by the adapter");
    }

    @Test
    void whatIsNoAdapterIsRefusedByName() {
        assertTrue(commandLine.refused("infer", "--adapters", folder.resolve("missing")).contains("there is no such directory"));
        assertTrue(commandLine.refused("infer", "--adapters", MODEL).contains("adapter_config.json"));
        assertTrue(commandLine.refused("sft", "--model", MODEL, "--dataset", ROWS, "--train_iters", 1, "--lora_rank", 4).contains("--lora_rank needs --train_type lora"));
    }
}
