/**
 * The pipeline on Spark: rows of any source to packed shards. {@link ai.sparktron.pipeline.spark.PrepareJob} is the entry point;
 * {@link ai.sparktron.pipeline.spark.DatasetReader} gives the rows alone.
 *
 * <h2>How order is kept</h2>
 * A dataset is a list of pieces (byte ranges of files in path order, partitions of a frame). One pass counts rows per piece, so that every row
 * has an index that depends on the data only. Sampling, splitting, interleaving and shuffling are functions from that index to a position
 * ({@link ai.sparktron.pipeline.spark.Routing}), positions are cut into buckets, and each bucket becomes one shard: raw rows travel to their
 * bucket in one shuffle, are sorted by position, and are templated, tokenized and packed there. So a shard's bytes do not depend on the number
 * of cores, on partitioning, or on which task ended first.
 *
 * <h2>One jar for Spark 3.5 to 4.2</h2>
 * Java API of Spark only; no Scala collections, no catalyst classes. Must not import the trainer, nor Arrow.
 */
package ai.sparktron.pipeline.spark;
