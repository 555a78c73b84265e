package ai.sparktron.trainer.train;

import ai.sparktron.packing.shard.ShardVerification;
import ai.sparktron.trainer.checkpoint.CheckpointStore;
import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.config.LoggingOptions;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.data.BatchShape;
import ai.sparktron.trainer.data.DataCursor;
import ai.sparktron.trainer.data.MicroBatchSource;
import ai.sparktron.trainer.data.PrefetchedSteps;
import ai.sparktron.trainer.data.ShardFiles;
import ai.sparktron.trainer.data.ShardSource;
import ai.sparktron.trainer.data.StepSource;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.layer.Fp8;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.parallel.StageLayout;
import ai.sparktron.trainer.parallel.schedule.Timeline;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.OutOfDeviceMemoryException;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.train.metrics.ConsoleSink;
import ai.sparktron.trainer.train.metrics.CurvePlots;
import ai.sparktron.trainer.train.metrics.Figures;
import ai.sparktron.trainer.train.metrics.JsonLinesSink;
import ai.sparktron.trainer.train.metrics.MetricsSink;
import ai.sparktron.trainer.train.metrics.TensorBoardSink;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * One rank's run, from options to the last save. All ranks of an attempt make one each, with the same {@link RunPlan}, and run it at the same time.
 *
 * <p>{@link #run} opens the engine and closes it, and all memory with it, however it ends.
 */
public final class TrainRun {

    private static final long ARENA_CHUNK_BYTES = 64L << 20;
    private static final int STEPS_AHEAD = 4;
    /** Units of time of the longest timeline that is printed. */
    private static final int PRINTED_UNITS = 36;
    /** Network disks show another host's new file late. */
    private static final Duration SHARED_DISK_PATIENCE = Duration.ofSeconds(10);

    private final RunPlan plan;
    private final RankContext context;
    private final Options options;

    public TrainRun(RunPlan plan, RankContext context) {
        this.plan = plan;
        this.context = context;
        this.options = plan.options();
    }

    /**
     * Trains to the end and saves.
     *
     * @throws TrainingException when training cannot go on and trying again would not help
     * @throws IllegalArgumentException for options, weights or data that do not fit each other
     */
    public RunResult run() {
        SharedFolderCheck.require(plan.runPath(), context.world().all("shared-folder"), context.attempt(), host(), SHARED_DISK_PATIENCE);
        ModelConfig config = config(Path.of(plan.model()).resolve("config.json"));
        try (Engine engine = context.engines().open(context.device());
                TensorWorlds.Opened tensors = context.worlds().open(context.world(), engine);
                StackArena runArena = StackArena.growing("run", engine.memory(), ARENA_CHUNK_BYTES);
                StackArena scratch = StackArena.growing("call", engine.memory(), ARENA_CHUNK_BYTES);
                PassMemory passes = PassMemory.growing(engine.memory(), ARENA_CHUNK_BYTES, scratch);
                ShardSource rows = open(plan.trainData());
                ShardSource validation = plan.validationData().isEmpty() ? null : open(plan.validationData());
                Arena.Frame run = runArena.open("run")) {
            rows.requireVocabulary(config.vocabularySize());
            rows.requireForm(RunSetup.rowForm(options));
            Memory memory = new Memory(runArena, passes, scratch, run);
            return run(config, engine, tensors.world(), memory, new Data(rows, validation));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private ModelConfig config(Path file) {
        try {
            return ModelShape.read(options, file);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + file, e);
        }
    }

    private record Memory(StackArena runArena, PassMemory passes, StackArena scratch, Arena.Frame run) {
        PeakMemory peak() {
            return new PeakMemory(runArena.peakBytes(), passes.peakBytes(), scratch.peakBytes());
        }

        long peakBytes() {
            return peak().total();
        }
    }

    private record Data(ShardSource rows, ShardSource validation) {
    }

    /** Local shards are all looked at now; remote ones are fetched as they are needed. */
    private ShardSource open(List<String> directories) throws IOException {
        if (directories.stream().anyMatch(ShardFiles::isRemote)) {
            return ShardSource.open(directories, context.files(), ShardVerification.CHECKSUMS);
        }
        return ShardSource.open(directories.stream().map(Path::of).toList(), ShardVerification.CHECKSUMS);
    }

    private RunResult run(ModelConfig config, Engine engine, World world, Memory memory, Data data) throws IOException {
        int longestRow = Math.max(data.rows().rowCapacity(), data.validation() == null ? 0 : data.validation().rowCapacity());
        // A row has room for the longer answer twice.
        int longest = options.trainsOnPairs() ? longestRow / 2 : longestRow;
        try (RankModel model = new RankModel(options, config, engine, world, longest, memory.run())) {
            model.warmUp();
            return run(config, engine, memory, data, model);
        } catch (OutOfDeviceMemoryException e) {
            throw advised(e, config, longestRow);
        }
    }

    /** With what the memory goes to and what would free some of it. */
    private OutOfDeviceMemoryException advised(OutOfDeviceMemoryException full, ModelConfig config, int rowTokens) {
        try {
            String advice = new MemoryAdvice(options, config, context.world().rank(), context.world().size(), rowTokens).text();
            return new OutOfDeviceMemoryException(full.getMessage() + ". " + advice, full);
        } catch (RuntimeException unmeasured) {
            full.addSuppressed(unmeasured);
            return full;
        }
    }

    private RunResult run(ModelConfig config, Engine engine, Memory memory, Data data, RankModel model) throws IOException {
        long total = RunSetup.trainIters(options, data.rows().rows());
        CheckpointStore store = new CheckpointStore(plan.runPath());
        Checkpointer checkpointer = new Checkpointer(store, options.checkpoint(), context, context.world().all("all"), model.update(), model.lossScale(),
                model.fp8().flatMap(Fp8::history), new ModelFiles(plan, config, model, engine, context.isFirst()), options.training().seed());
        Checkpointer.Progress progress = new StartingPoint(plan, config, model.tuning(), engine, this::line).fill(model.update(), checkpointer,
                context.resume() ? store.latest() : Optional.empty(), data.rows().rows());
        if (model.reference().isPresent()) {
            model.reference().get().load(plan, this::line);
        }
        StepRunner steps = model.steps(memory.passes());
        say(model, config, engine, data, total);
        return loop(config, engine, memory, data, new Parts(total, model.batchShape(), steps, checkpointer, progress, sayPipeline(model, config)));
    }

    private record Parts(long total, BatchShape shape, StepRunner steps, Checkpointer checkpointer, Checkpointer.Progress progress, double bubble) {
    }

    private RunResult loop(ModelConfig config, Engine engine, Memory memory, Data data, Parts parts) {
        double flopsPerToken = config.flopsPerToken(meanContext(data.rows()));
        Reporter.Frame frame = new Reporter.Frame(parts.total(), context.world().size(), flopsPerToken,
                engine.peakFlops(Precision.values(options, config.dtype())), parts.bubble());
        Evaluator evaluator = data.validation() == null || options.evaluation().evalIters() == 0 ? null
                : new Evaluator(data.validation(), parts.shape(), options.evaluation().evalIters());
        TrainLoop.Intervals intervals = new TrainLoop.Intervals(parts.total(), options.logging().logInterval(), options.derived().evalInterval(),
                options.checkpoint().saveInterval());
        long first = parts.progress().iteration();
        try (Reporter reporter = new Reporter(frame, sinks(first), parts.progress().elapsedSeconds());
                StepSource source = new PrefetchedSteps(MicroBatchSource.training(data.rows(), parts.shape(), RunSetup.order(options),
                        parts.progress().cursor()), STEPS_AHEAD)) {
            TrainLoop loop = new TrainLoop(intervals, RunSetup.schedule(options, parts.total()), source, parts.steps(), evaluator, parts.checkpointer(),
                    reporter, context, memory::peakBytes);
            DataCursor end = loop.run(first, parts.progress().cursor());
            RunResult result = new RunResult(Math.max(first, parts.total()), end.consumedSamples(), loop.loss(), loop.evaluationLoss(),
                    context.isFirst() ? parts.checkpointer().newest().directory().toString() : "",
                    reporter.elapsedSeconds() - parts.progress().elapsedSeconds(), reporter.allTokens(), memory.peak());
            drawCurves();
            return result;
        }
    }

    private List<MetricsSink> sinks(long resumedAfter) {
        if (!context.isFirst()) {
            return List.of();
        }
        LoggingOptions logging = options.logging();
        Path events = logging.tensorboardDir().map(Path::of).orElse(plan.runPath().resolve("runs"));
        return List.of(new ConsoleSink(context.listener()::line), new JsonLinesSink(log(), resumedAfter),
                new TensorBoardSink(events, host(), new TensorBoardSink.Settings(logging.tensorboardLogInterval(),
                        !logging.noLogLearningRateToTensorboard(), logging.logValidationPplToTensorboard(), logging.logMemoryToTensorboard(),
                        logging.logTimersToTensorboard())));
    }

    private Path log() {
        return plan.runPath().resolve("logging.jsonl");
    }

    private static String host() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "localhost";
        }
    }

    /** Pictures are a convenience: a server without fonts must not fail a run whose model is saved. */
    private void drawCurves() {
        if (!context.isFirst() || !Files.exists(log())) {
            return;
        }
        try {
            List<Path> pictures = CurvePlots.draw(log(), plan.runPath().resolve("images"));
            line(pictures.size() + " curves in " + plan.runPath().resolve("images"));
        } catch (RuntimeException | LinkageError e) {
            line("curves were not drawn (" + e + "); the figures are in " + log());
        }
    }

    private void say(RankModel model, ModelConfig config, Engine engine, Data data, long total) {
        line(config.family().name() + ", " + Figures.count(config.parameterCount()) + " parameters; " + engine.description() + "; computes in "
                + model.parameters().value().dtype() + "; "                 + Figures.bytes(model.update().heldBytes()) + " of weights and gradients");
        model.fp8().ifPresent(fp8 -> line(fp8.summary()));
        if (model.tuning().freezes(DecoderSpecs.of(config))) {
            model.tuning().summary(DecoderSpecs.of(config)).forEach(this::line);
        }
        line(Figures.count(data.rows().rows()) + " training rows of up to " + data.rows().rowCapacity() + " tokens, "
                + Figures.count(data.rows().counts().tokens()) + " tokens; " + total + " steps of " + options.training().globalBatchSize() + " rows"
                + (data.validation() == null ? "" : "; " + Figures.count(data.validation().rows()) + " validation rows"));
    }

    /** @return the bubble, 0 without a pipeline */
    private double sayPipeline(RankModel model, ModelConfig config) {
        StageLayout layout = model.grid().layout(config);
        int microBatches = model.batchShape().microBatches();
        if (layout.pipeline().stages() == 1) {
            return 0;
        }
        Timeline timeline = layout.timeline(microBatches);
        line("pipeline of " + layout.pipeline().stages() + " stages with " + layout.text() + " layers, " + microBatches + " micro-batches a step: bubble "
                + Figures.percent(timeline.bubble()));
        if (timeline.length() <= PRINTED_UNITS) {
            timeline.text().lines().forEach(this::line);
        }
        return timeline.bubble();
    }

    private static double meanContext(ShardSource rows) {
        return (double) rows.counts().tokens() / Math.max(1, rows.counts().documents());
    }

    private void line(String text) {
        if (context.isFirst()) {
            context.listener().line(text);
        }
    }
}
