package ai.sparktron.pipeline.spark;

/** The steps of a preparation that are timed. */
public enum Stage {
    /** Files to raw rows, their way to the bucket included. */
    READ("read"),
    /** JSON to columns. */
    PARSE("parse"),
    /** Columns to conversation to rendered text. */
    TEMPLATE("template"),
    TOKENIZE("tokenize"),
    PACK("pack"),
    /** Rows to shard files. */
    WRITE("write");

    private final String word;

    Stage(String word) {
        this.word = word;
    }

    public String word() {
        return word;
    }
}
