package ai.sparktron.trainer.data;

/** Numbers of steps from numbers of rows. */
public final class TrainingLength {

    private TrainingLength() {
    }

    /**
     * {@code train_iters} of {@code max_epochs}: an epoch has {@code floor(rows / globalBatchSize)} steps. A data set smaller than one global batch is
     * gone through without a break, so its epochs are counted together: {@code floor(rows * epochs / globalBatchSize)}.
     *
     * @throws IllegalArgumentException when not even one step comes out, saying what to change
     */
    public static long trainIters(long rows, int globalBatchSize, long epochs) {
        if (rows < 1 || globalBatchSize < 1 || epochs < 1) {
            throw new IllegalArgumentException("cannot count the steps of " + rows + " rows, global_batch_size " + globalBatchSize + ", max_epochs "
                    + epochs + ": all must be positive");
        }
        long steps = rows >= globalBatchSize ? Math.multiplyExact(rows / globalBatchSize, epochs)
                : Math.multiplyExact(rows, epochs) / globalBatchSize;
        if (steps == 0) {
            throw new IllegalArgumentException("the data set has " + rows + " rows (packed rows, if packing is on), which in " + epochs
                    + " epochs do not fill one global_batch_size of " + globalBatchSize + ": lower global_batch_size, raise max_epochs to at least "
                    + (globalBatchSize + rows - 1) / rows + ", or give train_iters");
        }
        return steps;
    }

    /** Steps of one evaluation over all rows, the last one possibly short. */
    public static long evaluationSteps(long rows, int globalBatchSize) {
        return (rows + globalBatchSize - 1) / globalBatchSize;
    }
}
