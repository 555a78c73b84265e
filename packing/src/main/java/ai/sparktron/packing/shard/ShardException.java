package ai.sparktron.packing.shard;

/** A shard or manifest that is damaged, not ours, of another version or made for another tokenizer. The message names file and field. */
public final class ShardException extends RuntimeException {

    public ShardException(String message) {
        super(message);
    }

    public ShardException(String message, Throwable cause) {
        super(message, cause);
    }
}
