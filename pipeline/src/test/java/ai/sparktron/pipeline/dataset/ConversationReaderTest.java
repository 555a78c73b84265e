package ai.sparktron.pipeline.dataset;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.pipeline.dataset.BadRow.Reason;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConversationReaderTest {

    private static final ConversationReader READER = new ConversationReader(ReadOptions.TRAINING);

    @SuppressWarnings("unchecked")
    private static Map<String, Object> row(String json) {
        return (Map<String, Object>) RowValues.parseJson(json.replace('`', '"'), "the test's row");
    }

    private static String shown(List<Message> messages) {
        return messages.stream().map(message -> message.role().name().charAt(0) + (message.role() == Role.TOOL_CALL ? "C" : "") + "=" + message.content()
                + (message.loss() == null ? "" : "*" + message.loss())).collect(Collectors.joining(" | "));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '#', quoteCharacter = '~', value = {
        "{`messages`: [{`role`: `user`, `content`: `q`}, {`role`: `assistant`, `content`: `a`, `loss`: true}]} # MESSAGES # U=q | A=a*1.0",
        "{`messages`: `[{\\`role\\`: \\`user\\`, \\`content\\`: \\`q\\`}, {\\`role\\`: \\`assistant\\`, \\`content\\`: \\`a\\`}]`} # MESSAGES # U=q | A=a",
        "{`conversations`: [{`from`: `human`, `value`: `q`}, {`from`: `gpt`, `value`: `a`, `loss`: 0}], `system`: `s`} # MESSAGES # S=s | U=q | A=a*0.0",
        "{`messages`: [{`role`: `user`, `content`: `q`}, {`role`: `assistant`, `content`: `a`, `loss`: true, `loss_scale`: 2}, {`role`: `assistant`, `content`: `b`, `loss`: false, `loss_scale`: 2}]} # MESSAGES # U=q | A=a*2.0 | A=b*0.0",
        "{`conversation`: [{`human`: `q1`, `assistant`: `a1`}, {`human`: `q2`, `assistant`: `a2`}]} # MESSAGES # U=q1 | A=a1 | U=q2 | A=a2",
        "{`messages`: [{`role`: `system`, `content`: `own`}, {`role`: `user`, `content`: `q`}, {`role`: `bot`, `content`: `a`}], `system`: `x`} # MESSAGES # S=own | U=q | A=a",
        "{`messages`: [{`role`: `user`, `content`: `q`}, {`role`: `function_call`, `content`: `{}`}, {`role`: `observation`, `content`: `r`}, {`role`: `assistant`, `content`: `a`}]} # MESSAGES # U=q | TC={} | T=r | A=a",
        "{`messages`: [{`role`: `assistant`, `content`: `text`}]} # MESSAGES # U= | A=text",
        "{`messages`: [{`role`: `user`, `content`: [{`type`: `text`, `text`: `q1`}, {`type`: `text`, `text`: `q2`}]}, {`role`: `assistant`, `content`: `a`}]} # MESSAGES # U=q1q2 | A=a",
        "{`instruction`: `do`, `input`: `this`, `output`: `done`} # ALPACA # U=do\\nthis | A=done",
        "{`instruction`: `do`, `input`: ``, `output`: `done`, `system`: `s`} # ALPACA # S=s | U=do | A=done",
        "{`Instruction`: `do`, `INPUT`: `this`, `Output`: `done`} # ALPACA # U=do\\nthis | A=done",
        "{`query`: `q`, `response`: `a`, `history`: [[`q0`, `a0`]], `system_prompt`: `s`} # QUERY_RESPONSE # S=s | U=q0 | A=a0 | U=q | A=a",
        "{`question`: `q`, `answer`: `a`} # QUERY_RESPONSE # U=q | A=a",
        "{`prompt`: `q`, `completion`: `a`} # QUERY_RESPONSE # U=q | A=a",
        "{`instruction`: `q`, `output`: `a`} # QUERY_RESPONSE # U=q | A=a",
        "{`input`: `q`, `instruction`: null, `targets`: `a`} # QUERY_RESPONSE # U=q | A=a",
        "{`text`: `plain`} # TEXT # U= | A=plain",
        "{`content`: `plain`, `id`: 7} # TEXT # U= | A=plain"})
    void formsAreToldApart(String json, RowForm form, String expected) {
        RowResult.Accepted accepted = assertInstanceOf(RowResult.Accepted.class, READER.read(row(json)));
        assertEquals(form, accepted.form());
        assertEquals(expected.replace("\\n", "\n"), shown(accepted.conversation().messages()));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '#', quoteCharacter = '~', value = {
        "{`id`: 7, `foo`: `x`} # UNKNOWN_FORM # [foo, id]",
        "{`messages`: []} # EMPTY # messages",
        "{`messages`: `[{]`} # BROKEN_JSON # messages",
        "{`messages`: 5} # WRONG_TYPE # number 5",
        "{`messages`: [7]} # WRONG_TYPE # messages[0]",
        "{`messages`: [{`role`: `critic`, `content`: `x`}]} # UNKNOWN_ROLE # 'critic'",
        "{`messages`: [{`user`: `q`, `speaker`: `x`}, {`speaker`: `y`}]} # UNKNOWN_ROLE # messages[1]",
        "{`messages`: [{`role`: `user`, `content`: null}]} # MISSING_FIELD # messages[0].content is null",
        "{`messages`: [{`role`: `user`}]} # MISSING_FIELD # absent",
        "{`messages`: [{`role`: `user`, `content`: 5}]} # WRONG_TYPE # messages[0].content is number 5",
        "{`messages`: [{`role`: `user`, `content`: [{`type`: `image_url`}]}]} # UNSUPPORTED_CONTENT # 'image_url'",
        "{`messages`: [{`role`: `user`, `content`: `q`}, {`role`: `assistant`, `content`: `a`, `loss`: `yes`}]} # WRONG_TYPE # loss is 'yes'",
        "{`messages`: [{`role`: `user`, `content`: `q`}]} # NO_ANSWER # answer",
        "{`query`: `q`} # NO_ANSWER # answer",
        "{`query`: `q`, `response`: ``} # NO_ANSWER # answer",
        "{`query`: `q`, `response`: []} # NO_ANSWER # response",
        "{`query`: 3, `response`: `a`} # WRONG_TYPE # query is number 3",
        "{`query`: `q`, `response`: {`a`: 1}} # WRONG_TYPE # response is object",
        "{`query`: `q`, `response`: `a`, `history`: [`x`]} # WRONG_TYPE # history",
        "{`query`: `q`, `response`: `a`, `tools`: `{`} # BROKEN_JSON # tools",
        "{`query`: `q`, `response`: `a`, `tools`: [5]} # WRONG_TYPE # tools[0]",
        "{`query`: `q`, `response`: `a`, `images`: [`x.png`]} # UNSUPPORTED_CONTENT # images",
        "{`query`: `q`, `response`: `a`, `rejected_response`: `a`} # REJECTED_EQUALS_CHOSEN # 'a'",
        "{`query`: `q`, `response`: `a`, `label`: `maybe`} # WRONG_TYPE # label is 'maybe'"})
    void badRowsSayWhy(String json, Reason reason, String named) {
        BadRow bad = assertInstanceOf(BadRow.class, READER.read(row(json)));
        assertEquals(reason, bad.reason(), bad.message());
        assertTrue(bad.message().contains(named), bad.message());
    }

    @Test
    void columnsAreRenamedAndOthersKept() {
        ConversationReader reader = new ConversationReader(new ReadOptions(Map.of("Chosen", "response", "rejected", "rejected_response"),
                ReadOptions.Use.TRAIN, 42));
        Conversation read = reader.read(row("{`prompt`: `q`, `Chosen`: `good`, `rejected`: `bad`, `channel`: `c1`, `label`: 1, "
                + "`chat_template_kwargs`: `{\\`x\\`: 2}`, `unused`: 5}")).orElseThrow();
        assertEquals("U=q | A=good", shown(read.messages()));
        assertEquals("U=q | A=bad", shown(read.rejectedMessages()));
        assertEquals("U=q | A=bad", shown(read.rejected().messages()));
        assertEquals(true, read.label());
        assertEquals(Map.of("channel", "c1", "chat_template_kwargs", Map.of("x", 2L)), read.extra());
    }

    @Test
    void rejectedMessagesTakeTheSystemMessage() {
        Conversation read = READER.read(row("{`messages`: [{`role`: `system`, `content`: `s`}, {`role`: `user`, `content`: `q`}, {`role`: `assistant`, "
                + "`content`: `a`}], `rejected_messages`: [{`role`: `user`, `content`: `q`}, {`role`: `assistant`, `content`: `b`}]}")).orElseThrow();
        assertEquals("S=s | U=q | A=b", shown(read.rejectedMessages()));
    }

    @Test
    void toolsComeAsJsonTextOrObjectsAndGetTheirWrapper() {
        String tool = "{`name`: `f`, `parameters`: {`big`: 12345678901234567890, `n`: 1.0}}";
        List<Object> parsed = READER.read(row("{`query`: `q`, `response`: `a`, `tools`: [" + tool + "]}")).orElseThrow().tools();
        List<Object> fromText = READER.read(row("{`query`: `q`, `response`: `a`, `tools`: `[" + tool.replace("`", "\\`") + "]`}")).orElseThrow().tools();
        assertEquals(parsed, fromText);
        Map<?, ?> function = (Map<?, ?>) ((Map<?, ?>) parsed.get(0)).get("function");
        assertEquals("{big=12345678901234567890, n=1.0}", String.valueOf(function.get("parameters")));
        assertNull(READER.read(row("{`query`: `q`, `response`: `a`, `tools`: ``}")).orElseThrow().tools());
    }

    @Test
    void anAnswerIsPickedFromAListByItsContentAndTheSeed() {
        Map<String, Object> row = row("{`query`: `q`, `response`: [`a`, `b`, `c`, `d`, `e`]}");
        List<String> picked = java.util.stream.LongStream.range(0, 64).mapToObj(seed -> new ConversationReader(
                new ReadOptions(Map.of(), ReadOptions.Use.TRAIN, seed)).read(row).orElseThrow().messages().get(1).content()).toList();
        assertEquals(5, picked.stream().distinct().count(), "all answers are picked by some seed");
        assertEquals(READER.read(row), READER.read(row), "the same seed picks the same answer");
    }

    @Test
    void questionsWithoutAnswersAreGoodForInference() {
        ConversationReader reader = new ConversationReader(new ReadOptions(Map.of(), ReadOptions.Use.INFER, 42));
        assertEquals("U=q", shown(reader.read(Map.of("query", "q")).orElseThrow().messages()));
    }

    @Test
    void callsWithoutTextKeepThatTheyHadNone() {
        Conversation read = READER.read(row("{`messages`: [{`role`: `user`, `content`: `q`}, {`role`: `assistant`, `content`: null, `tool_calls`: "
                + "[{`function`: {`name`: `f`}}]}]}")).orElseThrow();
        Message call = read.messages().get(1);
        assertEquals("", call.content());
        assertTrue(call.extra().containsKey("content") && call.extra().get("content") == null);
        assertFalse(call.extra().containsKey("role"));
    }

    @Test
    void selfCognitionPutsNamesIn() {
        Map<String, Object> chinese = row("{`query`: `你是谁？`, `response`: `我是{{NAME}}，由{{AUTHOR}}训练。`, `tag`: `zh`}");
        Map<String, Object> english = row("{`messages`: [{`role`: `assistant`, `content`: `I am {{NAME}} by {{AUTHOR}}.`}], `tag`: `en`}");
        SelfCognition both = new SelfCognition(List.of("小火花", "Sparky"), List.of("我们", "us"));
        assertEquals("我是小火花，由我们训练。", both.apply(chinese).get("response"));
        assertEquals("[{role=assistant, content=I am Sparky by us.}]", both.apply(english).get("messages").toString());
        assertEquals("我是X，由Y训练。", new SelfCognition(List.of("X"), List.of("Y")).apply(chinese).get("response"));
        assertTrue(SelfCognition.hasPlaceholders(chinese) && !SelfCognition.hasPlaceholders(both.apply(chinese)));
    }
}
