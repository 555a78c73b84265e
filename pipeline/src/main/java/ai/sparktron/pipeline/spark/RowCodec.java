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
 * {@link ChatCodec} is the one for training rows, {@link PairCodec} for preferences, {@link LabelledCodec} for single answers that are good or bad; tests and notebooks may
 * bring another.
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

    /** What the documents of a packed row are to each other: see {@code ShardMetadata}. */
    default String rowForm() {
        return ShardMetadata.TOKENS;
    }

    /** Every id is below this. */
    int vocabularySize();

    /** A session for one thread. */
    Session open();

    /**
     * A text of a row.
     *
     * @param number of its documents, see {@code ShardMetadata}; 0 where the row form has none
     */
    record Text(List<Segment> segments, float number) {
        public Text {
            segments = List.copyOf(segments);
        }

        /** Without a number. */
        public static Text of(List<Segment> segments) {
            return new Text(segments, 0);
        }
    }

    /** One thread's work on rows. */
    interface Session {
        /**
         * The texts of a row: one, or the chosen and the rejected one of a pair.
         *
         * @param row column names to parsed JSON
         * @throws BadRowException when the row cannot be used
         */
        List<Text> render(Map<String, Object> row);

        /**
         * A text's samples: usually one; several where {@code truncation_strategy split} cuts a long text.
         *
         * @throws BadRowException when the sample is too long, empty, or nothing of it is trained
         */
        List<Example> encode(List<Segment> segments);

        /**
         * What is packed as one sample and stays together, in its order: each example by itself, unless the row form wants otherwise.
         *
         * @param rows the examples of each row of a shard, in the order of the rows
         */
        default List<List<Example>> samples(List<List<Example>> rows) {
            return rows.stream().flatMap(List::stream).map(List::of).toList();
        }
    }
}
