package ai.sparktron.pipeline.template;

import ai.sparktron.pipeline.dataset.BadRow.Reason;
import ai.sparktron.pipeline.dataset.BadRowException;
import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.dataset.Message;
import ai.sparktron.pipeline.dataset.Role;
import java.util.ArrayList;
import java.util.List;

/**
 * Consecutive messages of one speaker.
 *
 * @param speaker   SYSTEM, USER, ASSISTANT (calls included) or TOOL
 * @param messages  at least one
 * @param query     text of the last user's turn up to here
 * @param lastRound whether no user's turn follows
 */
record Turn(Role speaker, List<Message> messages, String query, boolean lastRound) {

    /** The conversation's turns in order, without a system message at its start. */
    static List<Turn> of(Conversation conversation) {
        List<Message> all = conversation.messages();
        int from = 0;
        while (from < all.size() && all.get(from).role() == Role.SYSTEM) {
            from++;
        }
        if (from == all.size()) {
            throw new BadRowException(Reason.EMPTY, "the conversation has no turns" + (from > 0 ? " but a system message" : "")
                    + ": expected at least a user's turn");
        }
        int lastUser = -1;
        for (int i = from; i < all.size(); i++) {
            lastUser = all.get(i).role() == Role.USER ? i : lastUser;
        }
        List<Turn> turns = new ArrayList<>();
        String query = "";
        for (int i = from; i < all.size(); ) {
            Role speaker = speaker(all.get(i));
            int end = i + 1;
            while (end < all.size() && speaker(all.get(end)) == speaker && speaker != Role.SYSTEM) {
                end++;
            }
            List<Message> messages = all.subList(i, end);
            query = speaker == Role.USER ? joined(messages) : query;
            turns.add(new Turn(speaker, messages, query, i > lastUser));
            i = end;
        }
        return turns;
    }

    private static Role speaker(Message message) {
        return message.role() == Role.TOOL_CALL ? Role.ASSISTANT : message.role();
    }

    /** The system message at the start, or null; several are joined by an empty line. */
    static String system(Conversation conversation) {
        StringBuilder system = null;
        for (Message message : conversation.messages()) {
            if (message.role() != Role.SYSTEM) {
                break;
            }
            system = system == null ? new StringBuilder(message.content()) : system.append("\n\n").append(message.content());
        }
        return system == null ? null : system.toString();
    }

    static String joined(List<Message> messages) {
        StringBuilder text = new StringBuilder();
        messages.forEach(message -> text.append(message.content()));
        return text.toString();
    }
}
