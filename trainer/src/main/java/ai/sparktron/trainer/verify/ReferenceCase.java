package ai.sparktron.trainer.verify;

import ai.sparktron.trainer.layer.HostTokens;
import ai.sparktron.trainer.model.Prediction;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.SafetensorsFile;
import ai.sparktron.trainer.tensor.TensorEntry;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Files of a reference case: what goes in and what is to come out. All but the model are optional. */
final class ReferenceCase {

    private static final String IDS = "input_ids";
    private static final String LABELS = "labels";

    private final Path directory;

    /** @throws IllegalArgumentException when nothing here can be verified */
    ReferenceCase(Path directory) {
        this.directory = directory;
        if (!Files.isRegularFile(directory.resolve("config.json"))) {
            throw new IllegalArgumentException(directory + " is no reference case: it has no config.json; expected a folder with config.json, model.safetensors, "
                    + "inputs.safetensors, expected.safetensors and optionally greedy.json, prediction.json and trajectory.json");
        }
        if (!has("inputs.safetensors") && !has("greedy.json") && !has("trajectory.json")) {
            throw new IllegalArgumentException(directory + " has nothing to verify: neither inputs.safetensors, greedy.json nor trajectory.json");
        }
    }

    Path directory() {
        return directory;
    }

    private boolean has(String file) {
        return Files.isRegularFile(directory.resolve(file));
    }

    /**
     * Rows of equal length.
     *
     * @param ids    [N][S]
     * @param labels [N][S], -100 = not trained
     */
    record Rows(int[][] ids, int[][] labels) {

        /** Tokens with a label. */
        int trained() {
            int trained = 0;
            for (int[] row : labels) {
                for (int label : row) {
                    trained += label >= 0 ? 1 : 0;
                }
            }
            return trained;
        }

        /** Rows {@code from} to {@code from + count} as documents of one micro-batch. */
        HostTokens microBatch(int from, int count) {
            int length = ids[0].length;
            int[] id = new int[count * length];
            int[] label = new int[id.length];
            int[] position = new int[id.length];
            int[] document = new int[id.length];
            for (int i = 0; i < id.length; i++) {
                id[i] = ids[from + i / length][i % length];
                label[i] = labels[from + i / length][i % length];
                position[i] = i % length;
                document[i] = i / length;
            }
            return HostTokens.of(id, label, null, position, document);
        }
    }

    /** Inputs of the logits, loss and gradients. */
    Optional<Rows> inputs() throws IOException {
        if (!has("inputs.safetensors")) {
            return Optional.empty();
        }
        return Optional.of(inputs(directory.resolve("inputs.safetensors")));
    }

    /** The rows of a file. */
    static Rows inputs(Path path) throws IOException {
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            return rows(file).get(0);
        }
    }

    /** Tokens of the longest sequence that the model sees, at least 1. */
    int longest() throws IOException {
        List<Step> steps = trajectory();
        int rows = inputs().map(inputs -> inputs.ids()[0].length).orElse(1);
        int text = greedy().map(greedy -> greedy.prompt().length + greedy.generated().length).orElse(1);
        return Math.max(Math.max(rows, text), steps.isEmpty() ? 1 : steps.get(0).rows().ids()[0].length);
    }

    /** Expected tensors by name; empty when the case has none. */
    Map<String, float[]> expected() throws IOException {
        Map<String, float[]> expected = new LinkedHashMap<>();
        if (has("expected.safetensors")) {
            try (SafetensorsFile file = SafetensorsFile.open(directory.resolve("expected.safetensors"))) {
                for (String name : file.names()) {
                    expected.put(name, file.readFloats(name));
                }
            }
        }
        return expected;
    }

    /** Directory of the LoRA adapter that the case is about. */
    Optional<Path> adapter() {
        return Optional.of(directory.resolve("adapter")).filter(Files::isDirectory);
    }

    /** Layers that are trained to predict tokens further on, as {@code prediction.json} has it; none where the case has no such file. */
    Prediction prediction() throws IOException {
        if (!has("prediction.json")) {
            return Prediction.NONE;
        }
        JsonNode json = new ObjectMapper().readTree(directory.resolve("prediction.json").toFile());
        return new Prediction(json.path("mtp_num_layers").intValue(), json.path("mtp_loss_scaling_factor").doubleValue());
    }

    /** Tensors of the model with the adapter in them, by name; empty when the case has none. */
    Map<String, float[]> merged() throws IOException {
        Map<String, float[]> tensors = new LinkedHashMap<>();
        if (has("merged/model.safetensors")) {
            try (SafetensorsFile file = SafetensorsFile.open(directory.resolve("merged/model.safetensors"))) {
                for (String name : file.names()) {
                    tensors.put(name, file.readFloats(name));
                }
            }
        }
        return tensors;
    }

    /** A prompt and its continuation. */
    record Greedy(int[] prompt, int[] generated) {
    }

    Optional<Greedy> greedy() throws IOException {
        if (!has("greedy.json")) {
            return Optional.empty();
        }
        JsonNode json = new ObjectMapper().readTree(directory.resolve("greedy.json").toFile());
        return Optional.of(new Greedy(integers(json.path("prompt")), integers(json.path("generated"))));
    }

    private static int[] integers(JsonNode array) {
        int[] values = new int[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).intValue();
        }
        return values;
    }

    /** A training step: its rows, and what it had. */
    record Step(Rows rows, double learningRate, double loss, double gradientNorm) {
    }

    /** Steps of the trajectory; empty when the case has none. */
    List<Step> trajectory() throws IOException {
        return steps("trajectory.json");
    }

    /** The figures of all steps of a trajectory. */
    record Trajectory(float[] losses, float[] norms) {

        /** The steps' own. */
        static Trajectory of(List<Step> steps) {
            Trajectory figures = new Trajectory(new float[steps.size()], new float[steps.size()]);
            for (int i = 0; i < steps.size(); i++) {
                figures.losses[i] = (float) steps.get(i).loss();
                figures.norms[i] = (float) steps.get(i).gradientNorm();
            }
            return figures;
        }
    }

    /** The same steps by PyTorch in bfloat16, by several runs; empty when the case has none. */
    List<Trajectory> bfloat16Trajectories() throws IOException {
        List<Trajectory> runs = new ArrayList<>();
        if (has("trajectory-bfloat16.json")) {
            ObjectMapper json = new ObjectMapper();
            for (JsonNode run : json.readTree(directory.resolve("trajectory-bfloat16.json").toFile()).get("runs")) {
                runs.add(new Trajectory(json.convertValue(run.get("losses"), float[].class), json.convertValue(run.get("grad_norms"), float[].class)));
            }
        }
        return runs;
    }

    /** How far PyTorch is from what is expected when it computes in bfloat16, by quantity; empty when the case does not say. */
    Map<String, Double> bfloat16Errors() throws IOException {
        Map<String, Double> errors = new LinkedHashMap<>();
        if (has("bfloat16-errors.json")) {
            new ObjectMapper().readTree(directory.resolve("bfloat16-errors.json").toFile()).fields()
                    .forEachRemaining(error -> errors.put(error.getKey(), error.getValue().doubleValue()));
        }
        return errors;
    }

    private List<Step> steps(String name) throws IOException {
        List<Step> steps = new ArrayList<>();
        if (has(name)) {
            JsonNode json = new ObjectMapper().readTree(directory.resolve(name).toFile());
            try (SafetensorsFile file = SafetensorsFile.open(directory.resolve("trajectory_inputs.safetensors"))) {
                List<Rows> rows = rows(file);
                for (int i = 0; i < json.size(); i++) {
                    JsonNode step = json.get(i);
                    steps.add(new Step(rows.get(i), step.get("lr").doubleValue(), step.get("loss").doubleValue(), step.path("grad_norm").asDouble(Double.NaN)));
                }
            }
        }
        return steps;
    }

    /** One set of rows for [N, S], several for [steps, N, S]. */
    private static List<Rows> rows(SafetensorsFile file) throws IOException {
        int[][][] ids = cube(file, IDS);
        int[][][] labels = cube(file, LABELS);
        List<Rows> rows = new ArrayList<>();
        for (int i = 0; i < ids.length; i++) {
            rows.add(new Rows(ids[i], labels[i]));
        }
        return rows;
    }

    private static int[][][] cube(SafetensorsFile file, String name) throws IOException {
        TensorEntry entry = file.entry(name);
        int rank = entry.shape().rank();
        if (rank < 2 || rank > 3 || entry.dtype() != DType.I64 && entry.dtype() != DType.I32) {
            throw new IllegalArgumentException(file.file() + ": " + name + " is " + entry.dtype() + entry.shape() + "; expected int64 [N, S] or [steps, N, S]");
        }
        int steps = rank == 3 ? (int) entry.shape().size(0) : 1;
        int rows = (int) entry.shape().size(rank - 2);
        int length = (int) entry.shape().size(rank - 1);
        ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(entry.sizeBytes())).order(ByteOrder.LITTLE_ENDIAN);
        file.read(name, 0, bytes);
        bytes.flip();
        int[][][] values = new int[steps][rows][length];
        for (int[][] step : values) {
            for (int[] row : step) {
                for (int i = 0; i < length; i++) {
                    row[i] = entry.dtype() == DType.I64 ? Math.toIntExact(bytes.getLong()) : bytes.getInt();
                }
            }
        }
        return values;
    }
}
