package ai.sparktron.trainer.verify;

import ai.sparktron.trainer.convert.LoadedModel;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.layer.DenseModel;
import ai.sparktron.trainer.layer.Recompute;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.SafetensorsWriter;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.TensorEntry;
import ai.sparktron.trainer.verify.Comparison.Measure;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * {@code verify DIR}: runs a reference case on an engine and compares logits, loss, every gradient, the greedy continuation and the training trajectory, as far as
 * the case has them.
 */
public final class Verification {

    /**
     * Bounds past which a quantity fails.
     *
     * @param logits     largest absolute difference of logits
     * @param loss       of the loss
     * @param gradient   norm of a gradient's difference over its norm
     * @param trajectory absolute of the losses, relative of the gradient norms of a training trajectory
     */
    public record Tolerances(double logits, double loss, double gradient, double trajectory) {

        /** Those of float32 engines. */
        public static final Tolerances FLOAT32 = new Tolerances(1e-4, 1e-4, 1e-3, 1e-3);
    }

    private final Engine engine;
    private final Settings settings;

    /**
     * How a case is run; none of it may change the numbers.
     *
     * @param microBatchRows {@code micro_batch_size}: rows of a micro-batch; 0 = all of them
     * @param recompute      what is computed again in backward
     * @param chunkBytes     largest size of the logits of a loss that exist at a time
     * @param write          where to save logits, loss and gradients by the names of {@code expected.safetensors}: a {@code .safetensors} file, or a directory that
     *                       gets one; null = nowhere
     * @param tolerances     bounds
     */
    public record Settings(int microBatchRows, Recompute recompute, long chunkBytes, Path write, Tolerances tolerances) {
        public Settings(int microBatchRows, Recompute recompute, long chunkBytes, Path write) {
            this(microBatchRows, recompute, chunkBytes, write, Tolerances.FLOAT32);
        }

        public static Settings defaults() {
            return new Settings(0, Recompute.none(), DenseModel.Options.DEFAULT_CHUNK_BYTES, null);
        }
    }

    /** @param engine computes in float32; stays the caller's */
    public Verification(Engine engine, Settings settings) {
        this.engine = engine;
        this.settings = settings;
    }

    /**
     * What was found.
     *
     * @param comparisons one per quantity
     */
    public record Report(List<Comparison> comparisons) {
        public Report {
            comparisons = List.copyOf(comparisons);
        }

        /** Whether everything is within its bound, and anything was compared at all. */
        public boolean passed() {
            return !comparisons.isEmpty() && comparisons.stream().allMatch(Comparison::passed);
        }

        /** Status of the process. */
        public int exitCode() {
            return passed() ? 0 : 1;
        }
    }

    /**
     * Runs all there is.
     *
     * @param out gets a line per quantity and the verdict
     * @throws IllegalArgumentException when the directory is no reference case, or its model cannot be built
     */
    public Report run(Path directory, PrintStream out) throws IOException {
        ReferenceCase reference = new ReferenceCase(directory);
        List<Comparison> comparisons = new ArrayList<>();
        Optional<ReferenceCase.Rows> inputs = reference.inputs();
        Optional<ReferenceCase.Greedy> greedy = reference.greedy();
        List<ReferenceCase.Step> trajectory = reference.trajectory();
        int longest = Math.max(inputs.map(rows -> rows.ids()[0].length).orElse(1), Math.max(
                greedy.map(text -> text.prompt().length + text.generated().length).orElse(1),
                trajectory.isEmpty() ? 1 : trajectory.get(0).rows().ids()[0].length));
        try (LoadedModel loaded = LoadedModel.open(engine, directory, DType.F32, Parameters.Use.TRAIN,
                new LoadedModel.Settings(longest, settings.recompute(), settings.chunkBytes()))) {
            CaseRunner runner = new CaseRunner(loaded, settings.microBatchRows());
            if (inputs.isPresent()) {
                comparisons.addAll(compareTensors(reference, inputs.get(), loaded, runner));
            }
            if (greedy.isPresent()) {
                comparisons.add(compareGreedy(greedy.get(), loaded, runner));
            }
            // Last, because it changes the weights.
            comparisons.addAll(compareTrajectory(trajectory, runner));
        }
        Report report = new Report(comparisons);
        comparisons.forEach(comparison -> out.println(comparison.line()));
        long failed = comparisons.stream().filter(comparison -> !comparison.passed()).count();
        out.println("verify " + directory + " on " + engine.name() + ": " + (report.passed() ? "pass, " + comparisons.size() + " quantities"
                : "FAIL, " + failed + " of " + comparisons.size() + " quantities past their tolerance"));
        return report;
    }

    private List<Comparison> compareTensors(ReferenceCase reference, ReferenceCase.Rows inputs, LoadedModel loaded, CaseRunner runner) throws IOException {
        Map<String, float[]> ours = new LinkedHashMap<>();
        ours.put("logits", runner.logits(inputs));
        ours.put("loss", new float[] {runner.lossAndGradients(inputs)});
        ours.putAll(runner.gradients());
        if (settings.write() != null) {
            write(ours, inputs, loaded);
        }
        List<Comparison> comparisons = new ArrayList<>();
        for (Map.Entry<String, float[]> expected : reference.expected().entrySet()) {
            String name = expected.getKey();
            float[] own = ours.get(name);
            if (own == null) {
                throw new IllegalArgumentException(reference.directory() + ": expected.safetensors has " + name + ", which this model has not"
                        + (name.contains("lora_") ? ": it was made with an adapter, and LoRA is not built yet" : "; it has " + ours.size()
                        + " quantities, the first are " + ours.keySet().stream().limit(4).toList()));
            }
            comparisons.add(switch (name) {
                case "logits" -> Comparison.of(name, own, expected.getValue(), Measure.ABSOLUTE, settings.tolerances().logits());
                case "loss" -> Comparison.of(name, own, expected.getValue(), Measure.ABSOLUTE, settings.tolerances().loss());
                default -> Comparison.of(name, own, expected.getValue(), Measure.RELATIVE, settings.tolerances().gradient());
            });
        }
        return comparisons;
    }

    private static Comparison compareGreedy(ReferenceCase.Greedy greedy, LoadedModel loaded, CaseRunner runner) {
        int count = greedy.generated().length;
        int[] ours = loaded.config().rope().kind().dependsOnLength() ? runner.greedyWithoutCache(greedy.prompt(), count)
                : runner.greedy(greedy.prompt(), count);
        int different = 0;
        for (int i = 0; i < count; i++) {
            different += ours[i] == greedy.generated()[i] ? 0 : 1;
        }
        return new Comparison("greedy (" + count + " tokens, differing)", different, Double.NaN, Measure.ABSOLUTE, 0);
    }

    private List<Comparison> compareTrajectory(List<ReferenceCase.Step> steps, CaseRunner runner) {
        List<Comparison> comparisons = new ArrayList<>();
        if (steps.isEmpty()) {
            return comparisons;
        }
        float[][] results = runner.train(steps);
        for (int i = 0; i < results.length; i++) {
            ReferenceCase.Step step = steps.get(i);
            comparisons.add(Comparison.of("trajectory step " + i + " loss", new float[] {results[i][0]}, new float[] {(float) step.loss()}, Measure.ABSOLUTE,
                    settings.tolerances().trajectory()));
            if (!Double.isNaN(step.gradientNorm())) {
                comparisons.add(Comparison.of("trajectory step " + i + " grad_norm", new float[] {results[i][1]}, new float[] {(float) step.gradientNorm()},
                        Measure.RELATIVE, settings.tolerances().trajectory()));
            }
        }
        return comparisons;
    }

    private void write(Map<String, float[]> tensors, ReferenceCase.Rows inputs, LoadedModel loaded) throws IOException {
        Path target = settings.write().toAbsolutePath();
        if (!target.toString().endsWith(".safetensors")) {
            target = target.resolve("expected.safetensors");
        }
        Files.createDirectories(target.getParent());
        Map<String, Shape> shapes = new LinkedHashMap<>();
        shapes.put("logits", Shape.of(inputs.ids().length, inputs.ids()[0].length, loaded.config().vocabularySize()));
        loaded.parameters().all().forEach(parameter -> parameter.spec().parts().forEach(part -> shapes.put("grad." + part.name(), part.shape())));
        List<TensorEntry> entries = new ArrayList<>();
        tensors.forEach((name, values) -> entries.add(new TensorEntry(name, DType.F32, shapes.getOrDefault(name, Shape.of(values.length)))));
        try (SafetensorsWriter writer = SafetensorsWriter.create(target, entries, SafetensorsWriter.PYTORCH_METADATA)) {
            for (Map.Entry<String, float[]> tensor : tensors.entrySet()) {
                writer.writeFloats(tensor.getKey(), tensor.getValue());
            }
            writer.commit();
        }
    }
}
