package ai.sparktron.trainer.verify;

import ai.sparktron.trainer.preference.Divergence;
import ai.sparktron.trainer.preference.LabelledLoss;
import ai.sparktron.trainer.preference.LossType;
import ai.sparktron.trainer.preference.PreferenceLoss;
import ai.sparktron.trainer.preference.RewardLoss;
import ai.sparktron.trainer.tensor.SafetensorsFile;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Files of a reference case of preferences: two models in {@code policy} and {@code reference} (one where rewards are learnt), inputs of which the first half of the rows
 * are the chosen answers and the second half the rejected ones in the same order (or answers with labels, and answers to other prompts), and in {@code expected.json} the losses
 * of some variants, whose gradients are in {@code expected.safetensors} under the variant's name.
 */
final class PreferenceCase {

    private static final String EXPECTED = "expected.json";

    private final Path directory;

    /** @throws IllegalArgumentException when files are missing; names them */
    PreferenceCase(Path directory) {
        this.directory = directory;
        for (String file : List.of("policy/config.json", "inputs.safetensors", EXPECTED)) {
            if (!Files.isRegularFile(directory.resolve(file))) {
                throw new IllegalArgumentException(directory + " is no reference case of preferences: it has no " + file);
            }
        }
    }

    /** Whether a directory is meant to be one. */
    static boolean isOne(Path directory) {
        return Files.isDirectory(directory.resolve("policy"));
    }

    Path directory() {
        return directory;
    }

    Path policy() {
        return directory.resolve("policy");
    }

    /** Empty where nothing is measured from a reference. */
    Optional<Path> reference() {
        return Optional.of(directory.resolve("reference")).filter(Files::isDirectory);
    }

    /** Tokens of each answer's row. */
    int longest() throws IOException {
        return pairs().ids()[0].length;
    }

    /** The rows with both answers of a pair next to each other. */
    ReferenceCase.Rows pairs() throws IOException {
        ReferenceCase.Rows halves = ReferenceCase.inputs(directory.resolve("inputs.safetensors"));
        int rows = halves.ids().length;
        int[][] ids = new int[rows][];
        int[][] labels = new int[rows][];
        for (int row = 0; row < rows; row++) {
            int from = row / 2 + (row % 2 == 0 ? 0 : rows / 2);
            ids[row] = halves.ids()[from];
            labels[row] = halves.labels()[from];
        }
        return new ReferenceCase.Rows(ids, labels);
    }

    /**
     * One loss.
     *
     * @param settings by the names of the options, and what is known of the rows
     * @param figures  expected, by the names of the logs
     */
    record Variant(String name, JsonNode settings, Map<String, Double> figures) {

        /** {@code rlhf_type}. */
        String kind() {
            return settings.path("rlhf_type").asText("dpo");
        }

        PreferenceLoss preferenceLoss() {
            LossType type = LossType.valueOf(settings.path("loss_type").asText("sigmoid").toUpperCase(Locale.ROOT));
            Divergence divergence = Divergence.valueOf(settings.path("f_divergence_type").asText("reverse_kl").toUpperCase(Locale.ROOT));
            return new PreferenceLoss(List.of(type), settings.path("beta").asDouble(0.1), settings.path("label_smoothing").asDouble(0), divergence);
        }

        /** {@code rpo_alpha}. */
        double alpha() {
            return settings.path("rpo_alpha").asDouble(0);
        }

        boolean referenceFree() {
            return settings.path("reference_free").asBoolean(false);
        }

        LabelledLoss labelledLoss() {
            return new LabelledLoss(LabelledLoss.Type.of(settings.get("loss_type").asText()), settings.get("beta").doubleValue(),
                    settings.get("desirable_weight").doubleValue(), settings.get("undesirable_weight").doubleValue());
        }

        RewardLoss rewardLoss() {
            return new RewardLoss(settings.get("center_rewards_coefficient").doubleValue());
        }

        /** Label of an answer. */
        boolean desirable(int answer) {
            return settings.get("desirable").get(answer).booleanValue();
        }

        /** Margin of a pair. */
        double margin(int pair) {
            return settings.get("margins").get(pair).doubleValue();
        }
    }

    List<Variant> variants() throws IOException {
        JsonNode json = new ObjectMapper().readTree(directory.resolve(EXPECTED).toFile());
        List<Variant> variants = new ArrayList<>();
        json.fields().forEachRemaining(entry -> variants.add(variant(entry.getKey(), entry.getValue())));
        return variants;
    }

    private static Variant variant(String name, JsonNode json) {
        Map<String, Double> figures = new LinkedHashMap<>();
        Map.of("loss", "loss", "nll", "nll_loss", "reward_chosen", "rewards/chosen", "reward_rejected", "rewards/rejected", "accuracy", "rewards/accuracies")
                .forEach((theirs, ours) -> {
                    if (json.has(theirs)) {
                        figures.put(ours, json.get(theirs).doubleValue());
                    }
                });
        json.path("figures").fields().forEachRemaining(figure -> figures.put(figure.getKey(), figure.getValue().doubleValue()));
        return new Variant(name, json, figures);
    }

    /** Expected gradients of a variant, by the names of {@link CaseRunner#gradients}. */
    Map<String, float[]> gradients(Variant variant) throws IOException {
        Map<String, float[]> gradients = new LinkedHashMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(directory.resolve("expected.safetensors"))) {
            String prefix = variant.name() + ".";
            for (String name : file.names()) {
                if (name.startsWith(prefix)) {
                    String own = name.substring(prefix.length());
                    gradients.put(own.startsWith("grad.") ? own : "grad." + own, file.readFloats(name));
                }
            }
        }
        return gradients;
    }

    /** Mean log-probabilities of the policy's answers, by the names of {@code PairFigures}; empty when the case has none. */
    Map<String, Double> likelihoods() throws IOException {
        Map<String, Double> means = new LinkedHashMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(directory.resolve("expected.safetensors"))) {
            if (file.names().contains("policy_logps")) {
                float[] values = file.readFloats("policy_logps");
                int pairs = values.length / 2;
                double chosen = 0;
                double rejected = 0;
                for (int pair = 0; pair < pairs; pair++) {
                    chosen += values[pair];
                    rejected += values[pairs + pair];
                }
                means.put("logps/chosen", chosen / pairs);
                means.put("logps/rejected", rejected / pairs);
            }
        }
        return means;
    }
}
