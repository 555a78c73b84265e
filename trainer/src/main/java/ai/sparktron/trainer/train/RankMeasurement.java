package ai.sparktron.trainer.train;

import ai.sparktron.packing.shard.PackedRowBuilder;
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
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.MeasuringMemory;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What one rank of a run takes and does in a step, found by running the step without a device: the code of a run over memory that is not there.
 * All rows are as long as rows may be, and every token is trained.
 *
 * @param memory  peaks
 * @param work    of kernels, in one step
 * @param traffic with other ranks, in one step
 */
public record RankMeasurement(MemoryUse memory, Work work, List<Traffic> traffic) {

    public RankMeasurement {
        traffic = List.copyOf(traffic);
    }

    /**
     * A rank of a grid.
     *
     * @param types     that the engine computes with
     * @param rowTokens of the longest row
     * @throws IllegalArgumentException when options, model and number of ranks do not fit each other
     */
    public static RankMeasurement of(Options options, ModelConfig config, Set<DType> types, int rank, int ranks, int rowTokens) {
        try (MeasuringEngine engine = new MeasuringEngine(types);
                MeasuringWorld world = new MeasuringWorld(rank, ranks);
                LedgerArena runArena = new LedgerArena(MeasuringMemory.arena("run"));
                LedgerArena scratch = new LedgerArena(MeasuringMemory.arena("call"));
                PassMemory passes = PassMemory.of(MeasuringMemory::arena, scratch);
                Arena.Frame run = runArena.open("run");
                RankModel model = new RankModel(options, config, engine, world, rowTokens, run)) {
            StepRunner steps = model.steps(passes);
            MicroBatch batch = fullest(model.batchShape(), rowTokens);
            int batches = model.batchShape().microBatches();
            Work workBefore = engine.work();
            List<Traffic> trafficBefore = world.traffic();
            steps.train(new StepData(Collections.nCopies(batches, batch), DataCursor.start(1, 0)), 0);
            return new RankMeasurement(use(runArena.atPeak(), passes.peakBytes(), scratch.atPeak()), engine.work().plus(workBefore.times(-1)),
                    world.traffic());
        }
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

    private static MemoryUse use(Map<String, Long> run, long activations, Map<String, Long> call) {
        long weights = sum(run, MemoryKind.WEIGHTS);
        long gradients = sum(run, MemoryKind.GRADIENTS);
        long optimizer = sum(run, MemoryKind.OPTIMIZER);
        long logits = sum(call, MemoryKind.LOGITS);
        long exchanged = sum(call, MemoryKind.EXCHANGED);
        return new MemoryUse(weights, gradients, optimizer, all(run) - weights - gradients - optimizer, activations, logits, exchanged,
                all(call) - logits - exchanged);
    }

    private static long sum(Map<String, Long> named, MemoryKind kind) {
        return named.entrySet().stream().filter(entry -> kind.holds(entry.getKey())).mapToLong(Map.Entry::getValue).sum();
    }

    private static long all(Map<String, Long> named) {
        return named.values().stream().mapToLong(Long::longValue).sum();
    }
}
