package ai.sparktron.trainer.verify;

import ai.sparktron.trainer.comm.CommunicatorAbortedException;
import ai.sparktron.trainer.comm.InProcessWorld;
import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.convert.AdapterExporter;
import ai.sparktron.trainer.convert.LoadedModel;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.EngineFactory;
import ai.sparktron.trainer.layer.DecoderModel;
import ai.sparktron.trainer.layer.Recompute;
import ai.sparktron.trainer.measure.MeasuringWorld;
import ai.sparktron.trainer.mesh.Axis;
import ai.sparktron.trainer.mesh.Mesh;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.Prediction;
import ai.sparktron.trainer.parallel.ParallelPlan;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.SafetensorsWriter;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.TensorEntry;
import ai.sparktron.trainer.verify.Comparison.Measure;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * {@code verify DIR}: runs a reference case on an engine and compares logits, loss, every gradient, the greedy continuation and the training trajectory, as far as
 * the case has them; of a case of preferences, losses, rewards and every gradient.
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

    private static final int OTHER_REPLICA = -1;
    /** A sum of a few products, in float32 on their side. */
    private static final double MERGED_TOLERANCE = 1e-6;
    private static final Duration COLLECTIVE_TIMEOUT = Duration.ofMinutes(10);

    private final EngineFactory engines;
    private final Settings settings;

    /**
     * How a case is run; none of it may change the numbers.
     *
     * @param mesh           ranks, each a thread with an engine of its own
     * @param grid           how ranks on the axes work together
     * @param microBatchRows {@code micro_batch_size}: rows of a micro-batch; 0 = all of them, in equal shares
     * @param recompute      what is computed again in backward
     * @param chunkBytes     largest size of the logits of a loss that exist at a time
     * @param write          where to save logits, loss and gradients by the names of {@code expected.safetensors}: a {@code .safetensors} file, or a directory that
     *                       gets one; null = nowhere
     * @param values         type of weights and activations
     * @param tolerances     bounds; null = by type: float32's, or by PyTorch's own errors in bfloat16
     */
    public record Settings(Mesh mesh, ParallelPlan.Settings grid, int microBatchRows, Recompute recompute, long chunkBytes, Path write, DType values,
                           Tolerances tolerances) {

        /** In float32. */
        public Settings(Mesh mesh, ParallelPlan.Settings grid, int microBatchRows, Recompute recompute, long chunkBytes, Path write, Tolerances tolerances) {
            this(mesh, grid, microBatchRows, recompute, chunkBytes, write, DType.F32, tolerances);
        }

        public static Settings defaults() {
            return new Settings(Mesh.ofData(1), ParallelPlan.Settings.defaults(), 0, Recompute.none(), DecoderModel.Options.DEFAULT_CHUNK_BYTES, null, Tolerances.FLOAT32);
        }

        /** How a rank's part of a model is loaded. */
        LoadedModel.Settings loaded(int longest, ParallelPlan plan, Optional<Path> adapter, Prediction prediction) {
            return new LoadedModel.Settings(longest, recompute, chunkBytes, plan.seams(), plan::parts, adapter, LoadedModel.Settings.AdapterUse.BESIDE, prediction);
        }
    }

    /** @param engines one is opened for each rank and closed again */
    public Verification(EngineFactory engines, Settings settings) {
        this.engines = engines;
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

        /** A line per quantity and the verdict. */
        public List<String> lines(Path directory, int ranks) {
            List<String> lines = new ArrayList<>(comparisons.stream().map(Comparison::line).toList());
            long failed = comparisons.stream().filter(comparison -> !comparison.passed()).count();
            lines.add("verify " + directory + " on " + ranks + (ranks == 1 ? " rank: " : " ranks: ") + (passed()
                    ? "pass, " + comparisons.size() + " quantities" : "FAIL, " + failed + " of " + comparisons.size() + " quantities past their tolerance"));
            return lines;
        }
    }

    /**
     * Why the grid is none for a case's model: the same for all ranks, so that it can be asked before any of them starts.
     *
     * @return option, value and the fix; empty when the case can run
     * @throws IllegalArgumentException when the directory is no reference case, or its model cannot be built
     */
    public Optional<String> refusal(Path directory) throws IOException {
        Subject subject = subject(directory);
        ModelConfig config = ConfigReader.read(subject.model());
        ParallelPlan plan = ParallelPlan.of(settings.mesh(), new MeasuringWorld(0, settings.mesh().ranks()), settings.grid());
        try {
            plan.validate(config, subject.longest());
            return Optional.empty();
        } catch (IllegalArgumentException misfit) {
            return Optional.of(misfit.getMessage());
        }
    }

    /**
     * Runs all there is.
     *
     * @param out gets a line per quantity and the verdict
     * @throws IllegalArgumentException when the directory is no reference case, or its model cannot be built
     */
    public Report run(Path directory, PrintStream out) throws IOException {
        Subject subject = subject(directory);
        List<World> worlds = InProcessWorld.create(settings.mesh().ranks(), COLLECTIVE_TIMEOUT);
        Report report = new Report(worlds.size() == 1 ? compare(subject, worlds.get(0)) : onThreads(subject, worlds));
        report.lines(directory, worlds.size()).forEach(out::println);
        return report;
    }

    /**
     * One rank's part, where the ranks are elsewhere than on threads of this process: all of them call it with their ends of one world of the settings' mesh.
     *
     * @return what the first rank found; of others, what they compared
     */
    public Report run(Path directory, World world) throws IOException {
        return new Report(compare(subject(directory), world));
    }

    /**
     * As the other, with an engine that the caller opened and closes.
     *
     * @param world over which the engine's tensors go
     */
    public Report run(Path directory, Engine engine, World world) throws IOException {
        return new Report(subject(directory).work().compare(engine, world));
    }

    /** What each rank does for a case. */
    private interface RankWork {
        List<Comparison> compare(Engine engine, World world) throws IOException;
    }

    /**
     * A case.
     *
     * @param model   directory of the model
     * @param longest tokens of its longest sequence
     */
    private record Subject(Path model, int longest, RankWork work) {
    }

    private Subject subject(Path directory) throws IOException {
        if (PreferenceCase.isOne(directory)) {
            PreferenceCase reference = new PreferenceCase(directory);
            return new Subject(reference.policy(), reference.longest(), new PreferenceVerification(reference, settings)::compare);
        }
        ReferenceCase reference = new ReferenceCase(directory);
        return new Subject(directory, reference.longest(), (engine, world) -> compare(reference, engine, world));
    }

    private List<Comparison> compare(Subject subject, World world) throws IOException {
        try (Engine engine = engines.open(world.rank())) {
            return subject.work().compare(engine, world);
        }
    }

    /** Every rank on a thread of its own; the first rank's comparisons. */
    private List<Comparison> onThreads(Subject subject, List<World> worlds) throws IOException {
        ExecutorService threads = Executors.newFixedThreadPool(worlds.size());
        try {
            List<Future<List<Comparison>>> ranks = new ArrayList<>();
            for (World world : worlds) {
                ranks.add(threads.submit(() -> {
                    try {
                        return compare(subject, world);
                    } catch (Exception | Error e) {
                        world.abort(e);
                        throw e;
                    }
                }));
            }
            List<Comparison> first = null;
            Throwable failure = null;
            for (Future<List<Comparison>> rank : ranks) {
                try {
                    List<Comparison> own = rank.get();
                    first = first == null ? own : first;
                } catch (ExecutionException e) {
                    // The first cause, not its echo on the ranks that waited for the failed one.
                    boolean echo = e.getCause() instanceof CommunicatorAbortedException;
                    failure = failure == null || !echo && failure instanceof CommunicatorAbortedException ? e.getCause() : failure;
                }
            }
            rethrow(failure);
            return first;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while verifying", e);
        } finally {
            threads.shutdownNow();
        }
    }

    private static void rethrow(Throwable failure) throws IOException {
        if (failure instanceof IOException io) {
            throw io;
        }
        if (failure instanceof RuntimeException runtime) {
            throw runtime;
        }
        if (failure != null) {
            throw new IllegalStateException("a rank failed: " + failure, failure);
        }
    }

    /** One rank's part. Logits and greedy text are the first replica's alone: the others hold the same model. */
    private List<Comparison> compare(ReferenceCase reference, Engine engine, World world) throws IOException {
        List<Comparison> comparisons = new ArrayList<>();
        Optional<ReferenceCase.Rows> inputs = reference.inputs();
        Optional<ReferenceCase.Greedy> greedy = reference.greedy();
        int longest = reference.longest();
        ParallelPlan plan = ParallelPlan.of(settings.mesh(), world, settings.grid());
        plan.validate(ConfigReader.read(reference.directory()), longest);
        try (LoadedModel loaded = LoadedModel.open(engine, reference.directory(), settings.values(), Parameters.Use.TRAIN,
                        settings.loaded(longest, plan, reference.adapter(), reference.prediction()));
                CaseRunner runner = new CaseRunner(loaded, plan, settings.microBatchRows())) {
            boolean first = plan.coordinate(Axis.DATA) == 0 || plan.meetsInEveryPass();
            Bounds bounds = Bounds.of(reference, settings.values(), settings.tolerances());
            if (inputs.isPresent()) {
                comparisons.addAll(compareTensors(reference, inputs.get(), loaded, runner, bounds, first ? world.rank() : OTHER_REPLICA));
            }
            // Products of the addition and choices between near tokens say nothing in 16 bits.
            boolean exact = settings.values() == DType.F32;
            if (first && exact) {
                comparisons.addAll(compareMerged(reference.merged(), runner));
            }
            if (greedy.isPresent() && first && exact) {
                comparisons.add(compareGreedy(greedy.get(), loaded, runner));
            }
            // Last, because it changes the weights.
            comparisons.addAll(compareTrajectory(reference, runner, bounds));
        }
        return comparisons;
    }

    private List<Comparison> compareTensors(ReferenceCase reference, ReferenceCase.Rows inputs, LoadedModel loaded, CaseRunner runner, Bounds bounds, int rank)
            throws IOException {
        Map<String, float[]> ours = new LinkedHashMap<>();
        ours.put("loss", new float[] {runner.lossAndGradients(inputs)});
        if (rank == OTHER_REPLICA) {
            return List.of();
        }
        ours.put("logits", runner.logits(inputs));
        ours.putAll(runner.gradients());
        if (settings.write() != null && rank == 0) {
            write(ours, inputs, loaded);
        }
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

    private static List<Comparison> compareMerged(Map<String, float[]> expected, CaseRunner runner) throws IOException {
        List<Comparison> comparisons = new ArrayList<>();
        if (!expected.isEmpty()) {
            Map<String, float[]> ours = runner.merged();
            expected.forEach((name, values) -> comparisons.add(Comparison.of("merged." + name, ours.get(name), values, Measure.RELATIVE, MERGED_TOLERANCE)));
        }
        return comparisons;
    }

    private Comparison compareGreedy(ReferenceCase.Greedy greedy, LoadedModel loaded, CaseRunner runner) {
        int count = greedy.generated().length;
        boolean whole = loaded.config().rope().kind().dependsOnLength() || settings.grid().sequenceParallel();
        int[] ours = whole ? runner.greedyWithoutCache(greedy.prompt(), count)
                : runner.greedy(greedy.prompt(), count);
        int different = 0;
        for (int i = 0; i < count; i++) {
            different += ours[i] == greedy.generated()[i] ? 0 : 1;
        }
        return new Comparison("greedy (" + count + " tokens, differing)", different, Double.NaN, Measure.ABSOLUTE, 0);
    }

    private static List<Comparison> compareTrajectory(ReferenceCase reference, CaseRunner runner, Bounds bounds) throws IOException {
        List<ReferenceCase.Step> steps = reference.trajectory();
        List<Comparison> comparisons = new ArrayList<>();
        if (steps.isEmpty()) {
            return comparisons;
        }
        float[][] results = runner.train(steps, reference.directory());
        for (int i = 0; i < results.length; i++) {
            ReferenceCase.Step step = steps.get(i);
            comparisons.add(Comparison.of("trajectory step " + i + " loss", new float[] {results[i][0]}, new float[] {(float) step.loss()}, Measure.ABSOLUTE,
                    bounds.trajectoryLoss()));
            if (!Double.isNaN(step.gradientNorm())) {
                comparisons.add(Comparison.of("trajectory step " + i + " grad_norm", new float[] {results[i][1]}, new float[] {(float) step.gradientNorm()},
                        Measure.RELATIVE, bounds.trajectoryNorm()));
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
