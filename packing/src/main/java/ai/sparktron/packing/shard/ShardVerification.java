package ai.sparktron.packing.shard;

/** What is checked while a shard is read. The footer's checksum and all bounds always are. */
public enum ShardVerification {

    /** The CRC32C of each record batch when it is first touched: a flipped bit is an error, never another token. */
    CHECKSUMS,

    /** Bounds only: a flipped bit in the data may go unnoticed, but reading never leaves the mapping. */
    STRUCTURE
}
