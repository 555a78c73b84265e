package ai.sparktron.trainer.train;

import ai.sparktron.packing.shard.PackedRowBuilder;
import ai.sparktron.trainer.config.EngineOptions;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.data.BatchShape;
import ai.sparktron.trainer.data.DataCursor;
import ai.sparktron.trainer.data.InMemoryRows;
import ai.sparktron.trainer.data.MicroBatch;
import ai.sparktron.trainer.data.MicroBatchSource;
import ai.sparktron.trainer.data.RowOrder;
import ai.sparktron.trainer.data.StepData;
import ai.sparktron.trainer.measure.LedgerArena;
import ai.sparktron.trainer.measure.MeasuringEngine;
import ai.sparktron.trainer.measure.MeasuringWorld;
import ai.sparktron.trainer.measure.Traffic;
import ai.sparktron.trainer.measure.Work;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.parallel.StageLinks;
import ai.sparktron.trainer.parallel.schedule.Pipeline;
import ai.sparktron.trainer.parallel.schedule.Schedule;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.MeasuringMemory;
import ai.sparktron.trainer.tuner.Tuning;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What one rank of a run takes and does in a step, found by running the step without a device: the code of a run over memory that is not there.
 * All rows are as long as rows may be, and every token is trained; tokens are spread evenly over experts.
 *
 * @param values        type of weights and activations
 * @param memory        peaks
 * @param ofMicroBatch  work and traffic of one micro-batch's forward and backward
 * @param ofUpdate      work and traffic that a step has once
 */
public record RankMeasurement(DType values, MemoryUse memory, Load ofMicroBatch, Load ofUpdate) {

    /**
     * What a rank does.
     *
     * @param work    of kernels
     * @param traffic with other ranks
     */
    public record Load(Work work, List<Traffic> traffic) {
        private static final Load NONE = new Load(Work.NONE, List.of());

        public Load {
            traffic = List.copyOf(traffic);
        }

        private static Load between(Load earlier, Load later) {
            return new Load(later.work.plus(earlier.work.times(-1)), Traffic.between(earlier.traffic, later.traffic));
        }
    }

    /**
     * What is measured, the same for all ranks of all grids.
     *
     * @param config     of the model
     * @param tuning     what is trained of it
     * @param rowTokens  of the longest row
     * @param limitBytes when what lives as long as the run takes more, nothing else is measured: it does not fit anyway
     */
    public record Subject(ModelConfig config, Tuning tuning, int rowTokens, long limitBytes) {

        /** By the options, without a limit. */
        public static Subject of(Options options, ModelConfig config, int rowTokens) {
            return new Subject(config, StartingPoint.tuning(options, config), rowTokens, Long.MAX_VALUE);
        }

        /** Whether something of the model is frozen. */
        public boolean freezes() {
            return tuning.freezes(DecoderSpecs.of(config));
        }

        /** The same with a limit. */
        public Subject within(long bytes) {
            return new Subject(config, tuning, rowTokens, bytes);
        }
    }

    /**
     * A rank of a grid.
     *
     * @throws IllegalArgumentException when options, model and number of ranks do not fit each other
     */
    public static RankMeasurement of(Options options, Subject subject, int rank, int ranks) {
        int rowTokens = subject.rowTokens();
        try (MeasuringEngine engine = new MeasuringEngine(types(options));
                MeasuringWorld world = new MeasuringWorld(rank, ranks);
                LedgerArena runArena = new LedgerArena(MeasuringMemory.arena("run"));
                LedgerArena scratch = new LedgerArena(MeasuringMemory.arena("call"));
                PassMemory passes = PassMemory.of(MeasuringMemory::arena, scratch);
                Arena.Frame run = runArena.open("run");
                RankModel model = new RankModel(options, subject.config(), subject.tuning(), engine, world, rowTokens, run)) {
            DType values = model.parameters().value().dtype();
            if (runArena.usedBytes() > subject.limitBytes()) {
                return new RankMeasurement(values, use(runArena.atPeak(), passes, Map.of()), Load.NONE, Load.NONE);
            }
            StepRunner steps = model.steps(passes);
            MicroBatch batch = fullest(model.batchShape(), rowTokens);
            Load none = new Load(engine.work(), world.traffic());
            steps.train(step(batch, 1), 0);
            Load stepOfOne = Load.between(none, new Load(engine.work(), world.traffic()));
            steps.train(step(batch, enough(model.links(), model.batchShape().microBatches())), 0);
            MemoryUse memory = use(runArena.atPeak(), passes, scratch.atPeak());
            Load before = new Load(engine.work(), world.traffic());
            steps.train(step(batch, 2), 0);
            // A step of one micro-batch is one and an update, a step of two is two and an update.
            Load ofMicroBatch = Load.between(stepOfOne, Load.between(before, new Load(engine.work(), world.traffic())));
            return new RankMeasurement(values, memory, ofMicroBatch, Load.between(ofMicroBatch, stepOfOne));
        }
    }

    /** What the engine that the options name computes with. */
    private static Set<DType> types(Options options) {
        boolean plain = options.engine().engine() == EngineOptions.Engine.ND4J && options.engine().kernels() == EngineOptions.HostKernels.ND4J;
        return plain ? Set.of(DType.F32) : Set.of(DType.F32, DType.BF16, DType.F16);
    }

    private static StepData step(MicroBatch batch, int microBatches) {
        return new StepData(Collections.nCopies(microBatches, batch), DataCursor.start(1, 0));
    }

    /** As many micro-batches as have as many passes in flight as all of a step have, and one group more: then messages are under way as in all of it. */
    private static int enough(StageLinks links, int microBatches) {
        Pipeline pipeline = links.pipeline();
        int inFlight = Schedule.training(pipeline, links.stage(), microBatches).passesInFlight();
        for (int few = pipeline.group(); few < microBatches - pipeline.group(); few += pipeline.group()) {
            if (Schedule.training(pipeline, links.stage(), few).passesInFlight() == inFlight) {
                return few + pipeline.group();
            }
        }
        return microBatches;
    }

    /** Rows of one document each, padded as a run pads them. */
    private static MicroBatch fullest(BatchShape shape, int rowTokens) {
        int[] ids = new int[rowTokens];
        PackedRowBuilder row = new PackedRowBuilder().add(ids, ids, null);
        BatchShape one = new BatchShape(shape.microBatchSize(), shape.microBatchSize(), 0, 1, shape.padMultiple(), shape.padId());
        try (InMemoryRows rows = new InMemoryRows(List.of(row.toRow()));
                MicroBatchSource source = MicroBatchSource.training(rows, one, RowOrder.SEQUENTIAL, DataCursor.start(1, 0))) {
            return source.next().microBatches().get(0);
        }
    }

    private static MemoryUse use(Map<String, Long> run, PassMemory passes, Map<String, Long> call) {
        long weights = sum(run, MemoryKind.WEIGHTS);
        long gradients = sum(run, MemoryKind.GRADIENTS);
        long optimizer = sum(run, MemoryKind.OPTIMIZER);
        long logits = sum(call, MemoryKind.LOGITS);
        long exchanged = sum(call, MemoryKind.EXCHANGED);
        return new MemoryUse(weights, gradients, optimizer, all(run) - weights - gradients - optimizer, passes.peakBytes(), logits, exchanged,
                all(call) - logits - exchanged, passes.passes().size());
    }

    private static long sum(Map<String, Long> named, MemoryKind kind) {
        return named.entrySet().stream().filter(entry -> kind.holds(entry.getKey())).mapToLong(Map.Entry::getValue).sum();
    }

    private static long all(Map<String, Long> named) {
        return named.values().stream().mapToLong(Long::longValue).sum();
    }
}
