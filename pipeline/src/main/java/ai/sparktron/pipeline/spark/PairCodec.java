package ai.sparktron.pipeline.spark;

import ai.sparktron.packing.shard.ShardMetadata;
import ai.sparktron.pipeline.dataset.BadRow;
import ai.sparktron.pipeline.dataset.BadRowException;
import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.template.ChatTemplate;
import ai.sparktron.pipeline.template.Segment;
import ai.sparktron.pipeline.tokenize.Example;
import java.util.List;
import java.util.Map;

/**
 * The way of a preference row: both conversations as those of other rows, the chosen one first, with the row's {@code margin} as its number. A row of which one is too long
 * or has nothing to train is dropped whole.
 *
 * @param text of one conversation
 */
public record PairCodec(ChatCodec text) implements ConversationCodec {

    @Override
    public String rowForm() {
        return ShardMetadata.PAIRS;
    }

    @Override
    public Session open() {
        ChatCodec.Rendering rendering = new ChatCodec.Rendering(text);
        return new Session() {
            @Override
            public List<Text> render(Map<String, Object> row) {
                Conversation conversation = rendering.conversation(row);
                ChatTemplate.Preference pair = text.template().renderPreference(conversation, text.options());
                return List.of(new Text(pair.chosen(), margin(conversation.extra().get("margin"))), Text.of(pair.rejected()));
            }

            @Override
            public List<Example> encode(List<Segment> segments) {
                return rendering.encode(segments);
            }

            @Override
            public List<List<Example>> samples(List<List<Example>> rows) {
                return rows;
            }
        };
    }

    private static float margin(Object value) {
        if (value == null) {
            return 0;
        }
        if (value instanceof Number number && Float.isFinite(number.floatValue())) {
            return number.floatValue();
        }
        throw new BadRowException(BadRow.Reason.WRONG_TYPE, "margin is " + value + ": expected a number, by how much the chosen answer is to be better than the rejected one");
    }
}
