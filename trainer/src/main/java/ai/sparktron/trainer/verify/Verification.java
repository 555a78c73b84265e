package ai.sparktron.trainer.verify;

import ai.sparktron.trainer.comm.CommunicatorAbortedException;
import ai.sparktron.trainer.comm.InProcessWorld;
import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.convert.LoadedModel;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.EngineFactory;
import ai.sparktron.trainer.layer.DecoderModel;
import ai.sparktron.trainer.layer.Recompute;
import ai.sparktron.trainer.measure.MeasuringWorld;
import ai.sparktron.trainer.mesh.Mesh;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.Prediction;
import ai.sparktron.trainer.parallel.ParallelPlan;
import ai.sparktron.trainer.seam.ExpertChoices;
import ai.sparktron.trainer.tensor.DType;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
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
            return loaded(longest, plan, adapter, prediction, ExpertChoices.own());
        }

        /** The same where others than its routers may choose experts. */
        LoadedModel.Settings loaded(int longest, ParallelPlan plan, Optional<Path> adapter, Prediction prediction, ExpertChoices choices) {
            return new LoadedModel.Settings(longest, recompute, chunkBytes, plan.seams().with(choices), plan::parts, adapter, LoadedModel.Settings.AdapterUse.BESIDE,
                    prediction);
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
        return new Subject(directory, reference.longest(), new CaseVerification(reference, settings)::compare);
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
}
