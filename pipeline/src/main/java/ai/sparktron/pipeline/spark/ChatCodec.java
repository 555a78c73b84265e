package ai.sparktron.pipeline.spark;

import ai.sparktron.pipeline.dataset.BadRow;
import ai.sparktron.pipeline.dataset.BadRowException;
import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.dataset.ConversationReader;
import ai.sparktron.pipeline.dataset.ReadOptions;
import ai.sparktron.pipeline.dataset.SelfCognition;
import ai.sparktron.pipeline.template.ChatTemplate;
import ai.sparktron.pipeline.template.RenderOptions;
import ai.sparktron.pipeline.template.Segment;
import ai.sparktron.pipeline.tokenize.EncodedSample;
import ai.sparktron.pipeline.tokenize.Example;
import ai.sparktron.pipeline.tokenize.ExampleEncoder;
import ai.sparktron.pipeline.tokenize.TruncationStrategy;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * The way of a training row: any row form to a conversation, through the chat template to weighted text, through the tokenizer to a sample. A plain
 * text for pre-training takes the same way with the generation template.
 *
 * @param tokenizer  the model's tokenizer
 * @param template   its chat template, or the generation template
 * @param options    how the template renders
 * @param rows       how rows are read
 * @param maxLength  most tokens of a sample
 * @param truncation what happens to longer ones
 */
public record ChatCodec(TokenizerBundle tokenizer, ChatTemplate template, RenderOptions options, Rows rows, int maxLength,
                        TruncationStrategy truncation) implements RowCodec {

    /**
     * How rows are read.
     *
     * @param columns     column name to the name it is read under ({@code columns})
     * @param modelName   {@code model_name}: none, one value, or Chinese and English
     * @param modelAuthor {@code model_author}: likewise, and given together with it
     * @param seed        {@code data_seed}; picks among several answers of one row
     */
    public record Rows(Map<String, String> columns, List<String> modelName, List<String> modelAuthor, long seed) implements Serializable {

        /** No renaming, no names, the default seed. */
        public static final Rows PLAIN = new Rows(Map.of(), List.of(), List.of(), 42);

        public Rows {
            columns = Map.copyOf(columns);
            modelName = List.copyOf(modelName);
            modelAuthor = List.copyOf(modelAuthor);
            if (modelName.isEmpty() != modelAuthor.isEmpty()) {
                throw new DatasetException("model_name " + modelName + " and model_author " + modelAuthor + ": give both, or neither");
            }
            names(modelName, modelAuthor);
        }

        private static SelfCognition names(List<String> modelName, List<String> modelAuthor) {
            return modelName.isEmpty() ? null : new SelfCognition(modelName, modelAuthor);
        }

        SelfCognition selfCognition() {
            return names(modelName, modelAuthor);
        }
    }

    public ChatCodec {
        Objects.requireNonNull(tokenizer, "tokenizer");
        Objects.requireNonNull(template, "template");
        Objects.requireNonNull(options, "options");
        Objects.requireNonNull(rows, "rows");
        Objects.requireNonNull(truncation, "truncation");
    }

    @Override
    public String tokenizerFingerprint() {
        return tokenizer.file().tokenizer().fingerprint();
    }

    @Override
    public String templateFingerprint() {
        return template.fingerprint(options);
    }

    @Override
    public String rowOptions() {
        return new TreeMap<>(rows.columns) + " " + rows.modelName + " " + rows.modelAuthor + " " + rows.seed + " " + maxLength + " " + truncation;
    }

    @Override
    public int vocabularySize() {
        return tokenizer.file().tokenizer().size();
    }

    @Override
    public Session open() {
        return new Rendering(this);
    }

    /** One thread's reader and encoder. */
    static final class Rendering implements Session {
        private final ChatTemplate template;
        private final RenderOptions options;
        private final SelfCognition selfCognition;
        private final ConversationReader reader;
        private final ExampleEncoder encoder;

        Rendering(ChatCodec codec) {
            template = codec.template;
            options = codec.options;
            selfCognition = codec.rows.selfCognition();
            reader = new ConversationReader(new ReadOptions(codec.rows.columns, ReadOptions.Use.TRAIN, codec.rows.seed));
            encoder = new ExampleEncoder(codec.tokenizer.file().tokenizer().encoder(), codec.maxLength, codec.truncation);
        }

        @Override
        public List<Text> render(Map<String, Object> row) {
            return List.of(Text.of(template.render(conversation(row), options)));
        }

        /** @throws BadRowException when the row is none */
        Conversation conversation(Map<String, Object> row) {
            return reader.read(named(row)).orElseThrow();
        }

        /** Self-cognition rows get their names; they are known by their tag, so that braces in other rows stay. */
        private Map<String, Object> named(Map<String, Object> row) {
            if (!row.containsKey("tag") || !SelfCognition.hasPlaceholders(row)) {
                return row;
            }
            if (selfCognition == null) {
                throw new BadRowException(BadRow.Reason.MISSING_FIELD, "the row speaks of {{NAME}} and {{AUTHOR}}: give --model_name and --model_author");
            }
            return selfCognition.apply(row);
        }

        @Override
        public List<Example> encode(List<Segment> segments) {
            EncodedSample sample = encoder.encode(segments);
            if (sample instanceof EncodedSample.Kept kept) {
                return kept.examples();
            }
            EncodedSample.Dropped dropped = (EncodedSample.Dropped) sample;
            throw new BadRowException(switch (dropped.reason()) {
                case EMPTY -> BadRow.Reason.EMPTY;
                case TOO_LONG -> BadRow.Reason.TOO_LONG;
                case NOTHING_TRAINED -> BadRow.Reason.NOTHING_TRAINED;
            }, dropped.message());
        }
    }
}
