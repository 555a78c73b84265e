package ai.sparktron.jobs.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Preference rows of the examples to a model that prefers the chosen answers, with one command; to an adapter that does; to a model of rewards; and rows with labels. */
@Timeout(300)
class PreferencePathTest {

    private static final String MODEL = Path.of("..", "examples", "models", "qwen3-tiny").toString();
    private static final String ROWS = Path.of("..", "examples", "data", "wordnet-dpo.jsonl").toString();
    private static final String LABELLED = Path.of("..", "examples", "data", "wordnet-kto.jsonl").toString();
    private static final List<String> SHAPE = List.of("--num_layers", "2", "--hidden_size", "64", "--ffn_hidden_size", "128", "--kv_channels", "16");
    private static final List<String> TRAINING = List.of("--max_length", "96", "--packing", "true", "--micro_batch_size", "1",
            "--global_batch_size", "4", "--weight_decay", "0", "--add_version", "false", "--num_ranks", "2");

    @TempDir
    private Path folder;
    private final CommandLine commandLine = new CommandLine();

    @AfterEach
    void clearSettings() {
        commandLine.close();
    }

    /** The steps of a run as logged, those with rewards. */
    private static List<JsonNode> steps(Path run) throws IOException {
        List<JsonNode> steps = new ArrayList<>();
        for (String line : Files.readAllLines(run.resolve("logging.jsonl"))) {
            JsonNode step = new ObjectMapper().readTree(line);
            if (step.has("rewards/margins")) {
                steps.add(step);
            }
        }
        return steps;
    }

    @Test
    void fromPreferencesToAModelThatHasThem() throws IOException {
        Path whole = folder.resolve("whole");
        commandLine.run("rlhf", "--model", MODEL, "--perform_initialization", true, SHAPE, TRAINING, "--dataset", ROWS + "#64", "--split_dataset_ratio", "0.1", "--lr",
                "2e-3", "--train_iters", 30, "--rpo_alpha", "0.1", "--save", whole);
        List<JsonNode> steps = steps(whole);
        JsonNode last = steps.get(steps.size() - 1);
        assertTrue(last.get("rewards/margins").asDouble() > 0.1 && last.get("rewards/accuracies").asDouble() > 0.7, last.toString());
        assertTrue(Files.isRegularFile(whole.resolve("last/model.safetensors")) && Files.isRegularFile(whole.resolve("args.json")), "files of the run");
        assertTrue(Files.readString(whole.resolve("logging.jsonl")).contains("eval_rewards/accuracies"), "validation rows are pairs too");

        Path shards = folder.resolve("shards");
        commandLine.run("prepare", "--task", "rlhf", "--model", MODEL, "--dataset", ROWS + "#32", "--loss_scale", "last_round", "--max_length", 96, "--packing", true,
                "--output_dir", shards);
        Path adapter = folder.resolve("adapter");
        commandLine.run("rlhf", "--train_type", "lora", "--model", whole.resolve("last"), TRAINING, "--cached_dataset", shards, "--loss_type", "ipo", "--lr", "1e-2",
                "--train_iters", 10, "--save", adapter);
        assertEquals(Math.pow(1 / 0.2, 2), steps(adapter).get(0).get("loss").asDouble(), 1e-3, "a policy that is its reference");
        assertTrue(commandLine.printed().contains("reference: the model without its additions"), "the base is the reference");
        assertTrue(Files.isRegularFile(adapter.resolve("last/adapter_model.safetensors")), "an adapter is saved");
    }

    @Test
    void fromRowsWithLabels() throws IOException {
        List<String> kto = List.of("--rlhf_type", "kto", "--dataset", LABELLED + "#80", "--split_dataset_ratio", "0", "--lr", "1e-3", "--lr_decay_style", "constant",
                "--lr_warmup_iters", "0", "--log_interval", "1");
        Path base = folder.resolve("base");
        commandLine.run("rlhf", "--model", MODEL, "--perform_initialization", true, SHAPE, TRAINING, kto, "--train_iters", 1, "--save", base);
        Path whole = folder.resolve("whole");
        commandLine.run("rlhf", "--model", base.resolve("last"), TRAINING, kto, "--train_iters", 6, "--save", whole);
        List<JsonNode> steps = steps(whole);
        assertTrue(steps.size() >= 4 && steps.stream().allMatch(step -> step.has("kl")), steps.toString());
    }

    @Test
    void fromPreferencesToAModelOfRewards() throws IOException {
        Path rewards = folder.resolve("rewards");
        Path rows = folder.resolve("rows.jsonl");
        Files.write(rows, Files.readAllLines(Path.of(ROWS)).subList(0, 48));
        commandLine.run("rlhf", "--rlhf_type", "rm", "--model", MODEL, "--perform_initialization", true, SHAPE, TRAINING, "--dataset", rows, "--split_dataset_ratio",
                "0.1", "--lr", "2e-3", "--train_iters", 30, "--center_rewards_coefficient", "0.01", "--save", rewards);
        List<JsonNode> steps = steps(rewards);
        assertTrue(steps.get(steps.size() - 1).get("rewards/accuracies").asDouble() > 0.8, steps.toString());
        String config = Files.readString(rewards.resolve("last/config.json"));
        assertTrue(config.contains("Qwen3ForSequenceClassification") && config.contains("\"pad_token_id\" : "), config);

        Path result = folder.resolve("rewards.jsonl");
        commandLine.run("infer", "--model", rewards.resolve("last"), "--val_dataset", rows, "--result_path", result);
        int right = 0;
        for (String line : Files.readAllLines(result)) {
            JsonNode row = new ObjectMapper().readTree(line);
            right += row.get("response").isNumber() && row.get("response").asDouble() > row.get("rejected_response").asDouble() ? 1 : 0;
        }
        assertTrue(right >= 36, right + " of the 48 rows, most of which were trained on, have a higher reward than what they reject");
        String refusal = commandLine.refused("infer", "--model", rewards.resolve("last"));
        assertTrue(refusal.contains("gives answers rewards") && refusal.contains("--val_dataset"), refusal);
    }

    /** Those of the rows' answers, in their order. */
    private double[] rewards(Path rows, Object... model) throws IOException {
        Path result = folder.resolve("rewards-" + UUID.randomUUID() + ".jsonl");
        commandLine.run("infer", List.of(model), "--val_dataset", rows, "--result_path", result);
        List<Double> rewards = new ArrayList<>();
        for (String line : Files.readAllLines(result)) {
            rewards.add(new ObjectMapper().readTree(line).get("response").asDouble());
        }
        return rewards.stream().mapToDouble(Double::doubleValue).toArray();
    }

    /** The policy's files have no head that scores; the adapter brings it. */
    @Test
    void rewardsOfAnAdapter() throws IOException {
        Path rows = folder.resolve("rows.jsonl");
        Files.write(rows, Files.readAllLines(Path.of(ROWS)).subList(0, 16));
        List<String> reward = List.of("--rlhf_type", "rm", "--dataset", rows.toString(), "--split_dataset_ratio", "0");
        Path policy = folder.resolve("policy");
        commandLine.run("rlhf", "--model", MODEL, "--perform_initialization", true, SHAPE, TRAINING, "--dataset", rows, "--split_dataset_ratio", "0", "--train_iters", 1,
                "--save", policy);
        Path adapter = folder.resolve("adapter");
        commandLine.run("rlhf", "--train_type", "lora", "--model", policy.resolve("last"), TRAINING, reward, "--lr", "1e-2", "--train_iters", 8, "--save", adapter);

        double[] beside = rewards(rows, "--adapters", adapter.resolve("last"));
        assertTrue(Arrays.stream(beside).distinct().count() > 8, "rewards differ: " + Arrays.toString(beside));
        assertArrayEquals(beside, rewards(rows, "--adapters", adapter.resolve("last"), "--merge_lora", true), 1e-3);
        Path merged = folder.resolve("merged");
        commandLine.run("export", "--adapters", adapter.resolve("last"), "--merge_lora", true, "--torch_dtype", "float32", "--test_convert_precision", true, "--output_dir",
                merged);
        String config = Files.readString(merged.resolve("config.json"));
        assertTrue(config.contains("Qwen3ForSequenceClassification") && config.contains("\"LABEL_0\""), config);
        assertArrayEquals(beside, rewards(rows, "--model", merged), 1e-3);
        String refusal = commandLine.refused("infer", "--adapters", adapter.resolve("last"));
        assertTrue(refusal.contains("gives answers rewards"), refusal);
    }
}
