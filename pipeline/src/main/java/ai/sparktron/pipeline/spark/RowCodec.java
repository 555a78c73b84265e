package ai.sparktron.pipeline.spark;

import ai.sparktron.packing.shard.ShardMetadata;
import ai.sparktron.pipeline.dataset.BadRowException;
import ai.sparktron.pipeline.template.Segment;
import ai.sparktron.pipeline.tokenize.Example;
import java.io.Serializable;
import java.util.List;
import java.util.Map;

/**
 * What a preparation does with one row: template, then tokens. Travels to the executors once (broadcast), where tasks open sessions of their own.
 * {@link ChatCodec} is the one for training rows, {@link PairCodec} for preferences; tests and notebooks may bring another.
 */
public interface RowCodec extends Serializable {

    /** Names what decides the ids; see {@code ShardMetadata}. */
    String tokenizerFingerprint();

    /** Names what decides text and weights of a conversation: template, system text, loss scale. */
    String templateFingerprint();

    /** Everything else that decides samples (renamed columns, names, truncation), as text: shards made with other values are not reused. */
    default String rowOptions() {
        return "";
    }

    /** What the samples of a row are to each other: see {@code ShardMetadata}. Those of pairs stay together, in their order. */
    default String rowForm() {
        return ShardMetadata.TOKENS;
    }

    /** Every id is below this. */
    int vocabularySize();

    /** A session for one thread. */
    Session open();

    /** One thread's work on rows. */
    interface Session {
        /**
         * The texts of a row: one, or the chosen and the rejected one of a pair.
         *
         * @param row column names to parsed JSON
         * @throws BadRowException when the row cannot be used
         */
        List<List<Segment>> render(Map<String, Object> row);

        /**
         * A text's samples: usually one; several where {@code truncation_strategy split} cuts a long text.
         *
         * @throws BadRowException when the sample is too long, empty, or nothing of it is trained
         */
        List<Example> encode(List<Segment> segments);
    }
}
