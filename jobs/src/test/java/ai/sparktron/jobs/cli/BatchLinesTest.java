package ai.sparktron.jobs.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.dataset.ConversationReader;
import ai.sparktron.pipeline.dataset.ReadOptions;
import ai.sparktron.pipeline.spark.ReadRow;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Rows that go together and one that cannot. */
class BatchLinesTest {

    private final ConversationReader conversations = new ConversationReader(new ReadOptions(Map.of(), ReadOptions.Use.INFER, 0));
    private final List<String> written = new ArrayList<>();
    private final List<Integer> together = new ArrayList<>();

    private final BatchLines.Maker echo = new BatchLines.Maker() {
        @Override
        public ObjectNode of(Conversation row) {
            String text = row.messages().get(0).content();
            if (text.equals("long")) {
                throw new IllegalArgumentException("no room for it");
            }
            return new ObjectMapper().createObjectNode().put("said", text);
        }

        @Override
        public List<ObjectNode> ofAll(List<Conversation> rows) {
            together.add(rows.size());
            return BatchLines.Maker.super.ofAll(rows);
        }
    };

    private int make(Object... queries) throws IOException {
        List<ReadRow> rows = new ArrayList<>();
        for (Object query : queries) {
            rows.add(new ReadRow(rows.size(), "rows.jsonl", rows.size() + 1, Map.of("query", query), null));
        }
        return BatchLines.make(rows, echo, conversations, line -> written.add(line.get("said").asText()));
    }

    @Test
    void rowsGoTogether() throws IOException {
        assertEquals(3, make("a", "b", "c"));
        assertEquals(List.of("a", "b", "c"), written);
        assertEquals(List.of(3), together);
        assertEquals(0, make());
    }

    @Test
    void whatComesBeforeARowThatCannotBeAnsweredIsWritten() {
        IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class, () -> make("a", "b", "long", "c"));
        assertEquals(List.of("a", "b"), written);
        assertEquals("rows.jsonl line 3: no room for it", refusal.getMessage());
    }

    @Test
    void whatComesBeforeARowThatCannotBeReadIsWritten() {
        IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class, () -> make("a", 7.5, "c"));
        assertEquals(List.of("a"), written);
        assertTrue(refusal.getMessage().startsWith("rows.jsonl line 2: "), refusal.getMessage());
    }
}
