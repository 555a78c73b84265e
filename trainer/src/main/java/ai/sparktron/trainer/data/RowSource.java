package ai.sparktron.trainer.data;

import ai.sparktron.packing.shard.TokenRow;

/**
 * Rows of a data set by number. The number of a row never changes while the data set is what it is, so (row number) is what orders, cursors and error
 * messages speak of. Any number of threads may read at the same time.
 */
public interface RowSource extends AutoCloseable {

    /** Number of rows, at least 1. */
    long rows();

    /** Most tokens a row may have. */
    int rowCapacity();

    /**
     * Row {@code index} as views, valid until this source is closed.
     *
     * @throws IndexOutOfBoundsException when there is no such row
     * @throws ai.sparktron.packing.shard.ShardException when its bytes are damaged
     */
    TokenRow row(long index);

    /** Gives back what the source holds. */
    @Override
    void close();
}
