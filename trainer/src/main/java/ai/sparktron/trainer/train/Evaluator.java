package ai.sparktron.trainer.train;

import ai.sparktron.trainer.data.BatchShape;
import ai.sparktron.trainer.data.MicroBatchSource;
import ai.sparktron.trainer.data.RowSource;
import ai.sparktron.trainer.train.metrics.EvaluationMetrics;

/**
 * The loss over the validation rows: forward alone, every row once (a last partial batch too), or the first {@code eval_iters} global batches of them. All ranks
 * take part.
 */
final class Evaluator {

    private final RowSource rows;
    private final BatchShape shape;
    private final long batches;

    /** @param evalIters {@code eval_iters}: global batches, -1 = all rows */
    Evaluator(RowSource rows, BatchShape shape, long evalIters) {
        this.rows = rows;
        this.shape = shape;
        this.batches = evalIters < 0 ? Long.MAX_VALUE : evalIters;
    }

    /** Evaluates the present weights. The figures of unreported training steps must have been taken before. */
    EvaluationMetrics evaluate(StepRunner steps, long iteration, long totalIterations) {
        long began = System.nanoTime();
        long done = 0;
        try (MicroBatchSource source = MicroBatchSource.evaluation(rows, shape)) {
            while (source.hasNext() && done < batches) {
                steps.evaluate(source.next().microBatches());
                done++;
            }
        }
        StepObjective.Losses losses = steps.takeFigures().overRanks();
        long samples = Math.min(rows.rows(), done * shape.globalBatchSize());
        return new EvaluationMetrics(iteration, totalIterations, losses.byName(), samples, Math.round(losses.count()),
                (System.nanoTime() - began) * 1e-9);
    }
}
