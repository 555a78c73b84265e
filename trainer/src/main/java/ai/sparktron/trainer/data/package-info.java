/**
 * From packed rows to the micro-batches of each step. {@link ai.sparktron.trainer.data.MicroBatchSource} is the entry: it walks a
 * {@link ai.sparktron.trainer.data.RowSource} (shards on disk, or rows in memory) in the order that {@link ai.sparktron.trainer.data.SampleOrder}
 * gives, picks the rows of this data rank, and can go on from any {@link ai.sparktron.trainer.data.DataCursor}.
 *
 * <p>Which rows a step has depends on seed, epoch and data alone, never on the number of trainers. Layers, kernels and communicators must not be
 * imported here.
 */
package ai.sparktron.trainer.data;
