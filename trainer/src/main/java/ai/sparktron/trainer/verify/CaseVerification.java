package ai.sparktron.trainer.verify;

import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.convert.AdapterExporter;
import ai.sparktron.trainer.convert.LoadedModel;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.mesh.Axis;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.parallel.ParallelPlan;
import ai.sparktron.trainer.seam.ExpertChoices;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.SafetensorsWriter;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.TensorEntry;
import ai.sparktron.trainer.verify.Comparison.Measure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One rank's part in verifying a reference case. In 16 bits, tokens go to the experts that float32 chooses, on PyTorch's side as on ours: the case is run in float32
 * first, on the same engine and grid, for its choices alone. Which of two near experts is taken is then no part of what is compared; every quantity is held to its own bound.
 */
final class CaseVerification {

    /** A sum of a few products, in float32 on their side. */
    private static final double MERGED_TOLERANCE = 1e-6;

    private final ReferenceCase reference;
    private final Verification.Settings settings;

    CaseVerification(ReferenceCase reference, Verification.Settings settings) {
        this.reference = reference;
        this.settings = settings;
    }

    /** All comparisons. Logits and greedy text are the first replica's alone: the others hold the same model. */
    List<Comparison> compare(Engine engine, World world) throws IOException {
        ParallelPlan plan = ParallelPlan.of(settings.mesh(), world, settings.grid());
        ModelConfig config = ConfigReader.read(reference.directory());
        plan.validate(config, reference.longest());
        if (settings.values() == DType.F32 || config.experts() == null) {
            return compare(run(engine, world, plan, settings.values(), ExpertChoices.own()));
        }
        RecordedExperts experts = new RecordedExperts();
        run(engine, world, plan, DType.F32, experts.recording());
        Numbers numbers = run(engine, world, plan, settings.values(), experts.replaying());
        experts.requireAllReplayed();
        return compare(numbers);
    }

    /**
     * What a run gives.
     *
     * @param tensors    loss, logits and gradients by the names of what is expected; empty on other replicas than the first
     * @param merged     the model's tensors with the additions in them; empty where they are not asked for
     * @param greedy     null where it is not asked for
     * @param trajectory losses and gradient norms, [steps][2]
     */
    private record Numbers(Map<String, float[]> tensors, Map<String, float[]> merged, int[] greedy, float[][] trajectory) {
    }

    private Numbers run(Engine engine, World world, ParallelPlan plan, DType values, ExpertChoices choices) throws IOException {
        LoadedModel.Settings how = settings.loaded(reference.longest(), plan, reference.adapter(), reference.prediction(), choices);
        try (LoadedModel loaded = LoadedModel.open(engine, reference.directory(), values, Parameters.Use.TRAIN, how);
                CaseRunner runner = new CaseRunner(loaded, plan, settings.microBatchRows())) {
            boolean first = plan.coordinate(Axis.DATA) == 0 || plan.meetsInEveryPass();
            Optional<ReferenceCase.Rows> inputs = reference.inputs();
            Map<String, float[]> tensors = new LinkedHashMap<>();
            if (inputs.isPresent()) {
                float loss = runner.lossAndGradients(inputs.get());
                if (first) {
                    tensors.put("loss", new float[] {loss});
                    tensors.put("logits", runner.logits(inputs.get()));
                    tensors.putAll(runner.gradients());
                }
            }
            if (settings.write() != null && world.rank() == 0 && values == settings.values() && inputs.isPresent()) {
                write(tensors, inputs.get(), loaded);
            }
            // Products of the addition and choices between near tokens say nothing in 16 bits.
            boolean exact = first && settings.values() == DType.F32;
            Map<String, float[]> merged = exact && !reference.merged().isEmpty() ? runner.merged() : Map.of();
            int[] greedy = exact && reference.greedy().isPresent() ? greedy(reference.greedy().get(), loaded, runner) : null;
            // Last, because it changes the weights.
            List<ReferenceCase.Step> steps = reference.trajectory();
            return new Numbers(tensors, merged, greedy, steps.isEmpty() ? new float[0][] : runner.train(steps, reference.directory()));
        }
    }

    private int[] greedy(ReferenceCase.Greedy greedy, LoadedModel loaded, CaseRunner runner) {
        int count = greedy.generated().length;
        boolean whole = loaded.config().rope().kind().dependsOnLength() || settings.grid().sequenceParallel();
        return whole ? runner.greedyWithoutCache(greedy.prompt(), count) : runner.greedy(greedy.prompt(), count);
    }

    private List<Comparison> compare(Numbers numbers) throws IOException {
        Bounds bounds = Bounds.of(reference, settings.values(), settings.tolerances());
        List<Comparison> comparisons = new ArrayList<>();
        if (!numbers.tensors().isEmpty()) {
            comparisons.addAll(compareTensors(numbers.tensors(), bounds));
        }
        if (!numbers.merged().isEmpty()) {
            reference.merged().forEach((name, values) -> comparisons.add(Comparison.of("merged." + name, numbers.merged().get(name), values, Measure.RELATIVE,
                    MERGED_TOLERANCE)));
        }
        if (numbers.greedy() != null) {
            comparisons.add(compareGreedy(reference.greedy().orElseThrow().generated(), numbers.greedy()));
        }
        comparisons.addAll(compareTrajectory(numbers.trajectory(), bounds));
        return comparisons;
    }

    private List<Comparison> compareTensors(Map<String, float[]> ours, Bounds bounds) throws IOException {
        List<Comparison> comparisons = new ArrayList<>();
        for (Map.Entry<String, float[]> expected : reference.expected().entrySet()) {
            String name = expected.getKey();
            float[] own = ours.get(name);
            if (own == null) {
                throw new IllegalArgumentException(reference.directory() + ": expected.safetensors has " + name + ", which this model has not"
                        + (name.contains("lora_") ? ": expected the adapter that it is of in a folder adapter" : "; it has " + ours.size()
                        + " quantities, the first are " + ours.keySet().stream().limit(4).toList()));
            }
            comparisons.add(switch (name) {
                case "logits" -> Comparison.of(name, own, expected.getValue(), Measure.ABSOLUTE, bounds.logits());
                case "loss" -> Comparison.of(name, own, expected.getValue(), Measure.ABSOLUTE, bounds.loss());
                default -> Comparison.of(name, own, expected.getValue(), Measure.RELATIVE, bounds.gradient(name));
            });
        }
        return comparisons;
    }

    private static Comparison compareGreedy(int[] expected, int[] ours) {
        int different = 0;
        for (int i = 0; i < expected.length; i++) {
            different += ours[i] == expected[i] ? 0 : 1;
        }
        return new Comparison("greedy (" + expected.length + " tokens, differing)", different, Double.NaN, Measure.ABSOLUTE, 0);
    }

    private List<Comparison> compareTrajectory(float[][] results, Bounds bounds) throws IOException {
        List<ReferenceCase.Step> steps = reference.trajectory();
        List<Comparison> comparisons = new ArrayList<>();
        if (results.length > 0 && !Double.isNaN(bounds.trajectoryLosses())) {
            ReferenceCase.Trajectory exact = ReferenceCase.Trajectory.of(steps);
            comparisons.add(Comparison.of("trajectory losses", column(results, 0), exact.losses(), Measure.RELATIVE, bounds.trajectoryLosses()));
            comparisons.add(Comparison.of("trajectory grad_norms", column(results, 1), exact.norms(), Measure.RELATIVE, bounds.trajectoryNorms()));
            return comparisons;
        }
        for (int i = 0; i < results.length; i++) {
            ReferenceCase.Step step = steps.get(i);
            comparisons.add(Comparison.of("trajectory step " + i + " loss", new float[] {results[i][0]}, new float[] {(float) step.loss()}, Measure.ABSOLUTE,
                    bounds.trajectoryStep()));
            if (!Double.isNaN(step.gradientNorm())) {
                comparisons.add(Comparison.of("trajectory step " + i + " grad_norm", new float[] {results[i][1]}, new float[] {(float) step.gradientNorm()},
                        Measure.RELATIVE, bounds.trajectoryStep()));
            }
        }
        return comparisons;
    }

    private static float[] column(float[][] rows, int index) {
        float[] column = new float[rows.length];
        for (int i = 0; i < rows.length; i++) {
            column[i] = rows[i][index];
        }
        return column;
    }

    private void write(Map<String, float[]> tensors, ReferenceCase.Rows inputs, LoadedModel loaded) throws IOException {
        Path target = settings.write().toAbsolutePath();
        if (!target.toString().endsWith(".safetensors")) {
            target = target.resolve("expected.safetensors");
        }
        Files.createDirectories(target.getParent());
        Map<String, Shape> shapes = new LinkedHashMap<>();
        shapes.put("logits", Shape.of(inputs.ids().length, inputs.ids()[0].length, loaded.config().vocabularySize()));
        if (loaded.tuning().peft().isPresent()) {
            new AdapterExporter(DecoderSpecs.of(loaded.config()), loaded.tuning(), "", DType.F32).entries()
                    .forEach(entry -> shapes.put("grad." + entry.name(), entry.shape()));
        }
        DecoderSpecs.of(loaded.config()).forEach(parameter -> parameter.parts().forEach(part -> shapes.put("grad." + part.name(), part.shape())));
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
