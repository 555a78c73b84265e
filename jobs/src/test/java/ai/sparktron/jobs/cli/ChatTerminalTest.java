package ai.sparktron.jobs.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.dataset.Role;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChatTerminalTest {

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final List<Conversation> asked = new ArrayList<>();

    private Answerer.Answer echo(Conversation conversation, Consumer<String> onText) {
        asked.add(conversation);
        String question = conversation.messages().get(conversation.messages().size() - 1).content();
        if (question.equals("too long")) {
            throw new IllegalArgumentException("the conversation has 9 tokens, the model takes 8; clear forgets earlier rounds");
        }
        onText.accept("you said ");
        onText.accept(question);
        return new Answerer.Answer("you said " + question, 1, 2, 1);
    }

    private String talk(Optional<String> system, String... lines) throws IOException {
        PrintStream stream = new PrintStream(out, true, StandardCharsets.UTF_8);
        LineSource source = LineSource.of(new ByteArrayInputStream(String.join("\n", lines).getBytes(StandardCharsets.UTF_8)), stream);
        new ChatTerminal(this::echo, source, new Console(stream, stream), system, true).run();
        return out.toString(StandardCharsets.UTF_8);
    }

    @Test
    void roundsAreRememberedUntilCleared() throws IOException {
        String text = talk(Optional.of("be kind"), "hi", "again", "clear", "new", "exit", "never");
        assertTrue(text.contains("<<< you said hi\n"), text);
        assertEquals(List.of(2, 4, 2), asked.stream().map(conversation -> conversation.messages().size()).toList());
        assertEquals(Role.SYSTEM, asked.get(0).messages().get(0).role());
        assertEquals("you said hi", asked.get(1).messages().get(2).content());
    }

    @Test
    void multiLineReadsUntilTheMark() throws IOException {
        talk(Optional.empty(), "multi-line", "one", "two#", "single-line", "three");
        assertEquals(List.of("one\ntwo", "three"),
                asked.stream().map(conversation -> conversation.messages().get(conversation.messages().size() - 1).content()).toList());
    }

    @Test
    void resetSystemStartsAnew() throws IOException {
        talk(Optional.of("old"), "hi", "reset-system", "new", "hi");
        assertEquals("new", asked.get(1).messages().get(0).content());
        assertEquals(2, asked.get(1).messages().size());
    }

    @Test
    void aQuestionThatCannotBeAnsweredIsNotRemembered() throws IOException {
        String text = talk(Optional.empty(), "hi", "too long", "bye");
        assertTrue(text.contains("sparktron: the conversation has 9 tokens"), text);
        assertEquals(3, asked.get(2).messages().size());
    }

    @ParameterizedTest
    @CsvSource(quoteCharacter = '"', value = {
        "<think>~~</think>~~hi, hi", "<think>~why~</think>~~hi, <think>~why~</think>~~hi", "hi there, hi there", "<thin, <thin", "<think>~~</think>~~, ''",
        "a <think> b, a <think> b",
    })
    void anEmptyThoughtIsNotShownHoweverTheTextIsCut(String given, String shown) {
        String text = given.replace('~', '\n');
        for (int size = 1; size <= text.length(); size++) {
            StringBuilder out = new StringBuilder();
            EmptyThought filter = new EmptyThought(out::append);
            for (int from = 0; from < text.length(); from += size) {
                filter.accept(text.substring(from, Math.min(text.length(), from + size)));
            }
            filter.finish();
            String expected = shown.equals("''") ? text : shown.replace('~', '\n');
            assertEquals(expected, out.toString());
        }
    }
}
