package ai.sparktron.pipeline.spark;

import ai.sparktron.packing.shard.ShardMetadata;
import ai.sparktron.pipeline.dataset.BadRow;
import ai.sparktron.pipeline.dataset.BadRowException;
import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.template.ChatTemplate;
import ai.sparktron.pipeline.template.Segment;
import ai.sparktron.pipeline.tokenize.Example;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * The way of answers that are good or bad by themselves ({@code rlhf_type kto}). A row has a {@code label}, true or false; or it is a preference, which is a good answer and a
 * bad one. Beside each answer goes one that was given to another prompt, from which is learnt how far the model has left its reference (arXiv 2402.01306): the prompt of the
 * row, then the answer of the row before it in the shard.
 *
 * @param text of one conversation
 */
public record LabelledCodec(ChatCodec text) implements ConversationCodec {

    private static final float GOOD = 1;
    private static final float BAD = 0;

    @Override
    public String rowForm() {
        return ShardMetadata.LABELLED;
    }

    @Override
    public Session open() {
        ChatCodec.Rendering rendering = new ChatCodec.Rendering(text);
        return new Session() {
            @Override
            public List<Text> render(Map<String, Object> row) {
                Conversation conversation = rendering.conversation(row);
                if (conversation.rejectedMessages() != null) {
                    ChatTemplate.Preference pair = text.template().renderPreference(conversation, text.options());
                    return List.of(new Text(pair.chosen(), GOOD), new Text(pair.rejected(), BAD));
                }
                if (conversation.label() == null) {
                    throw new BadRowException(BadRow.Reason.MISSING_FIELD, "the row has no label: expected true for a good answer, false for a bad one, or a"
                            + " rejected_response beside a good one");
                }
                return List.of(new Text(text.template().render(conversation, text.options()), conversation.label() ? GOOD : BAD));
            }

            @Override
            public List<Example> encode(List<Segment> segments) {
                return rendering.encode(segments);
            }

            @Override
            public List<List<Example>> samples(List<List<Example>> rows) {
                return besideOthers(rows);
            }
        };
    }

    /** Each example, and its prompt with an answer of the row before. */
    private List<List<Example>> besideOthers(List<List<Example>> rows) {
        List<List<Example>> samples = new ArrayList<>();
        for (int row = 0; row < rows.size(); row++) {
            List<Example> before = rows.get((row + rows.size() - 1) % rows.size());
            for (int i = 0; i < rows.get(row).size(); i++) {
                Example own = rows.get(row).get(i);
                samples.add(List.of(own, joined(own, before.get(Math.min(i, before.size() - 1)))));
            }
        }
        return samples;
    }

    /** The prompt of one example with the answer of another, cut off at the longest length. */
    private Example joined(Example prompt, Example answer) {
        int kept = answerStart(prompt);
        int from = answerStart(answer);
        int length = Math.min(text.maxLength(), kept + answer.ids().length - from);
        int[] ids = Arrays.copyOf(prompt.ids(), length);
        int[] labels = Arrays.copyOf(prompt.labels(), length);
        System.arraycopy(answer.ids(), from, ids, kept, length - kept);
        System.arraycopy(answer.labels(), from, labels, kept, length - kept);
        float[] weights = answer.weights() == null ? null : new float[length];
        if (weights != null) {
            System.arraycopy(answer.weights(), from, weights, kept, length - kept);
        }
        return new Example(ids, labels, weights);
    }

    /** The answer begins with the first token that is trained. */
    private static int answerStart(Example example) {
        int start = 0;
        while (example.labels()[start] == Example.IGNORED) {
            start++;
        }
        return start;
    }
}
