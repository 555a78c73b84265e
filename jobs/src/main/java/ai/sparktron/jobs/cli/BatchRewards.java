package ai.sparktron.jobs.cli;

import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.dataset.Message;
import ai.sparktron.pipeline.dataset.Role;
import ai.sparktron.pipeline.tokenize.EncodedSample;
import ai.sparktron.pipeline.tokenize.ExampleEncoder;
import ai.sparktron.pipeline.tokenize.TokenizerFile;
import ai.sparktron.pipeline.tokenize.TruncationStrategy;
import ai.sparktron.trainer.generate.RewardScorer;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/**
 * Rewards of rows by a model of rewards, as in its training: {@code response} is the number of the last answer, {@code rejected_response} that of the rejected one
 * where the row has one, and {@code messages} what was scored.
 */
final class BatchRewards implements BatchLines.Maker {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final RewardScorer scorer;
    private final ChatFormat format;
    private final ExampleEncoder encoder;

    /** @param maxLength tokens of a row at most */
    BatchRewards(RewardScorer scorer, TokenizerFile tokenizer, ChatFormat format, int maxLength) {
        this.scorer = scorer;
        this.format = format;
        this.encoder = new ExampleEncoder(tokenizer.tokenizer().encoder(), maxLength, TruncationStrategy.DELETE);
    }

    @Override
    public ObjectNode of(Conversation row) {
        ObjectNode line = JSON.createObjectNode().put("response", reward(row));
        if (row.rejectedMessages() != null) {
            line.put("rejected_response", reward(row.rejected()));
        }
        BatchAnswers.messages(line, row.messages());
        return line;
    }

    private double reward(Conversation conversation) {
        List<Message> turns = conversation.messages();
        if (turns.isEmpty() || turns.get(turns.size() - 1).role() != Role.ASSISTANT) {
            throw new IllegalArgumentException("the row ends with no answer, and a reward is of an answer: expected messages that end with the assistant's turn, or a"
                    + " response");
        }
        EncodedSample encoded = encoder.encode(format.template().render(conversation, format.options()));
        if (encoded instanceof EncodedSample.Kept kept) {
            return scorer.score(kept.examples().get(0).ids());
        }
        throw new IllegalArgumentException(((EncodedSample.Dropped) encoded).message());
    }
}
