package ai.sparktron.trainer.data;

/**
 * How a global batch is cut: into micro-batches of {@code microBatchSize} rows, dealt to {@code dataSize} data ranks. All ranks of one data rank
 * (tensor, pipeline, context) use the same shape and so see the same rows.
 *
 * @param microBatchSize  rows of a micro-batch
 * @param globalBatchSize rows of a step over all data ranks
 * @param dataRank        this rank's place on the data axis
 * @param dataSize        size of the data axis
 * @param padMultiple     T of every micro-batch is rounded up to a multiple of this (context chunks, sequence parallel, kernels)
 * @param padId           token id of padding; any id of the vocabulary does
 */
public record BatchShape(int microBatchSize, int globalBatchSize, int dataRank, int dataSize, int padMultiple, int padId) {

    public BatchShape {
        if (microBatchSize < 1 || globalBatchSize < 1 || dataSize < 1 || padMultiple < 1 || padId < 0 || dataRank < 0 || dataRank >= dataSize) {
            throw new IllegalArgumentException("batch shape is out of range: micro_batch_size " + microBatchSize + ", global_batch_size "
                    + globalBatchSize + ", data rank " + dataRank + " of " + dataSize + ", pad multiple " + padMultiple + ", pad id " + padId);
        }
        if (globalBatchSize % Math.multiplyExact(microBatchSize, dataSize) != 0) {
            throw new IllegalArgumentException("global_batch_size " + globalBatchSize + " cannot be dealt to " + dataSize
                    + " data-parallel ranks in micro-batches of " + microBatchSize + ": make it a multiple of " + microBatchSize * dataSize
                    + " (micro_batch_size x data-parallel size)");
        }
    }

    /** Micro-batches of one rank in one step. */
    public int microBatches() {
        return globalBatchSize / (microBatchSize * dataSize);
    }

    /**
     * Place in the global batch of one row of this rank. Rows are dealt to the ranks in turn, so a step's rows do not depend on the number of ranks.
     *
     * @param microBatch 0 to {@link #microBatches()} - 1
     * @param row        0 to {@link #microBatchSize} - 1
     */
    public int placeInGlobalBatch(int microBatch, int row) {
        return (microBatch * microBatchSize + row) * dataSize + dataRank;
    }
}
