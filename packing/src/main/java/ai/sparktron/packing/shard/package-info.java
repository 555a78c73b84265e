/**
 * Packed rows on disk. {@link ai.sparktron.packing.shard.ShardWriter} writes rows made by {@link ai.sparktron.packing.shard.PackedRowBuilder};
 * {@link ai.sparktron.packing.shard.ShardReader} maps a shard and gives any row as views of the mapping;
 * {@link ai.sparktron.packing.shard.ShardManifest} makes a directory of shards a data set.
 *
 * <h2>The format</h2>
 * A shard is an Arrow IPC file, little endian, uncompressed, one record per row, readable by any Arrow implementation:
 * <pre>
 * ids        List&lt;Int32&gt;      token ids
 * labels     List&lt;Int32&gt;      target of each token within its document, -100 where nothing is trained (already shifted)
 * positions  List&lt;Int32&gt;      place of each token in its document; 0 starts a document
 * weights    List&lt;Float32&gt;    loss weight of each target; null for a row in which every trained target weighs 1 and every document's number is 0
 * </pre>
 * The last token of a document has no target; its weight is the document's number, which row forms give a meaning (a margin, a label), and 0 otherwise.
 * Schema metadata holds {@link ai.sparktron.packing.shard.ShardMetadata}, the footer's metadata the counts and, per record batch, its number of rows
 * and the CRC32C of its bytes. Sixteen bytes of ours stand between Arrow's end-of-stream mark and the footer, where Arrow readers never look: a magic,
 * the footer's length and its CRC32C. So a shard is checked without its manifest: the footer when it is opened, each record batch when it is first read.
 *
 * <p>Nothing of Spark, ND4J or CUDA may be imported here, and of Arrow only the generated flatbuffer classes, never in a public signature: the
 * application jar carries them under another name.
 */
package ai.sparktron.packing.shard;
