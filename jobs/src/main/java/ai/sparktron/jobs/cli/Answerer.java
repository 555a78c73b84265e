package ai.sparktron.jobs.cli;

import ai.sparktron.pipeline.dataset.Conversation;
import java.util.List;
import java.util.function.Consumer;

/** Answers conversations. */
public interface Answerer {

    /**
     * Answers the last turn.
     *
     * @param conversation turns so far, a user's last
     * @param onText gets the answer piece by piece while it is made; the pieces are the answer's text
     */
    Answer answer(Conversation conversation, Consumer<String> onText);

    /**
     * Answers the last turn of each conversation, together where that is faster.
     *
     * @return the answers, in the order of the conversations
     */
    default List<Answer> answerAll(List<Conversation> conversations) {
        return conversations.stream().map(conversation -> answer(conversation, text -> { })).toList();
    }

    /**
     * An answer.
     *
     * @param text all of it
     * @param promptTokens tokens that were read
     * @param answerTokens tokens that were made
     * @param seconds time from the question to the last token
     */
    record Answer(String text, int promptTokens, int answerTokens, double seconds) {

        /** Tokens made in a second. */
        public double tokensPerSecond() {
            return answerTokens / Math.max(seconds, 1e-9);
        }
    }
}
