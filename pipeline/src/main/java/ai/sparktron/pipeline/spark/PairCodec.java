package ai.sparktron.pipeline.spark;

import ai.sparktron.packing.shard.ShardMetadata;
import ai.sparktron.pipeline.template.ChatTemplate;
import ai.sparktron.pipeline.template.Segment;
import ai.sparktron.pipeline.tokenize.Example;
import java.util.List;
import java.util.Map;

/**
 * The way of a preference row: both conversations as those of other rows, the chosen one first. A row of which one is too long or has nothing to train is dropped whole.
 *
 * @param text of one conversation
 */
public record PairCodec(ChatCodec text) implements RowCodec {

    @Override
    public String tokenizerFingerprint() {
        return text.tokenizerFingerprint();
    }

    @Override
    public String templateFingerprint() {
        return text.templateFingerprint();
    }

    @Override
    public String rowOptions() {
        return text.rowOptions() + " " + rowForm();
    }

    @Override
    public String rowForm() {
        return ShardMetadata.PAIRS;
    }

    @Override
    public int vocabularySize() {
        return text.vocabularySize();
    }

    @Override
    public Session open() {
        ChatCodec.Rendering rendering = new ChatCodec.Rendering(text);
        return new Session() {
            @Override
            public List<List<Segment>> render(Map<String, Object> row) {
                ChatTemplate.Preference pair = text.template().renderPreference(rendering.conversation(row), text.options());
                return List.of(pair.chosen(), pair.rejected());
            }

            @Override
            public List<Example> encode(List<Segment> segments) {
                return rendering.encode(segments);
            }
        };
    }
}
