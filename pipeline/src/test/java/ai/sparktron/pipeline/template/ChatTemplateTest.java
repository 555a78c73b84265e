package ai.sparktron.pipeline.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.pipeline.dataset.BadRowException;
import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.dataset.Message;
import ai.sparktron.pipeline.dataset.Role;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Which pieces of text are trained, with which weight. */
class ChatTemplateTest {

    private static final TemplateRegistry REGISTRY = new TemplateRegistry();
    private static final RenderOptions OPTIONS = RenderOptions.on(LocalDate.of(2026, 3, 7));
    private static final ModelTexts TOKENS = new ModelTexts("llama", null, Map.of("bos_token", "<s>", "eos_token", "</s>"), true);

    private static Message user(String text) {
        return new Message(Role.USER, text);
    }

    private static Message bot(String text) {
        return new Message(Role.ASSISTANT, text);
    }

    private static Conversation of(Message... messages) {
        return new Conversation(List.of(messages));
    }

    /** Trained text in brackets with its weight, where that is not 1. */
    private static String shown(List<Segment> segments) {
        return segments.stream().map(segment -> segment.weight() == 0 ? segment.text()
                : "[" + segment.text() + "]" + (segment.weight() == 1 ? "" : "*" + segment.weight())).collect(Collectors.joining());
    }

    private static String render(String template, RenderOptions options, Conversation conversation) {
        return shown(REGISTRY.named(template, TOKENS).render(conversation, options));
    }

    @Test
    void everyAnswerAndItsSuffixIsTrained() {
        assertEquals("<|im_start|>user\nq1<|im_end|>\n<|im_start|>assistant\n[a1<|im_end|>]\n<|im_start|>user\nq2<|im_end|>\n"
                + "<|im_start|>assistant\n[a2<|im_end|>]\n", render("qwen3_nothinking", OPTIONS, of(user("q1"), bot("a1"), user("q2"), bot("a2"))));
        assertEquals("<｜begin▁of▁sentence｜><｜User｜>q1<｜Assistant｜>[a1<｜end▁of▁sentence｜>]<｜User｜>q2<｜Assistant｜>[a2<｜end▁of▁sentence｜>]",
                render("deepseek_v3", OPTIONS, of(user("q1"), bot("a1"), user("q2"), bot("a2"))));
        assertEquals("<s>[INST]s\n\nq1[/INST][a1</s>][INST]q2[/INST][a2</s>]",
                render("mistral", OPTIONS.withSystem("s"), of(user("q1"), bot("a1"), user("q2"), bot("a2"))));
    }

    @Test
    void lossScaleChoosesTurns() {
        Conversation two = of(user("q1"), bot("a1"), user("q2"), bot("a2"));
        assertEquals("<｜begin▁of▁sentence｜><｜User｜>q1<｜Assistant｜>a1<｜end▁of▁sentence｜><｜User｜>q2<｜Assistant｜>[a2<｜end▁of▁sentence｜>]",
                render("deepseek_v3", OPTIONS.withLossScale(LossScale.LAST_ROUND), two));
        assertEquals("[<｜begin▁of▁sentence｜><｜User｜>q1<｜Assistant｜>a1<｜end▁of▁sentence｜><｜User｜>q2<｜Assistant｜>a2<｜end▁of▁sentence｜>]",
                render("deepseek_v3", OPTIONS.withLossScale(LossScale.ALL), two));
    }

    @Test
    void aMessagesOwnLossGoesBeforeTheScale() {
        Conversation mixed = of(user("q1"), new Message(Role.ASSISTANT, "a1", 0f, Map.of()), user("q2"),
                new Message(Role.ASSISTANT, "a2", 2.5f, Map.of()), new Message(Role.USER, "q3", 1f, Map.of()), bot("a3"));
        assertEquals("<｜begin▁of▁sentence｜><｜User｜>q1<｜Assistant｜>a1<｜end▁of▁sentence｜><｜User｜>q2<｜Assistant｜>[a2<｜end▁of▁sentence｜>]*2.5"
                + "<｜User｜>[q3]<｜Assistant｜>[a3<｜end▁of▁sentence｜>]", render("deepseek_v3", OPTIONS.withLossScale(LossScale.LAST_ROUND), mixed));
    }

    @Test
    void rulesWeighPartsOfAnswers() {
        Conversation call = of(user("q"), bot("see <tool_call>x</tool_call> done"));
        assertTrue(render("qwen3_nothinking", OPTIONS.withLossScale(LossScale.parse("hermes")), call)
                .endsWith("[see ][<tool_call>x</tool_call>]*2.0[ done<|im_end|>]\n"));
        Conversation react = of(user("q"), bot("Thought: t\nAction: f\nObservation: seen"));
        assertTrue(render("qwen3_nothinking", OPTIONS.withLossScale(LossScale.parse("react")), react)
                .endsWith("[Thought: t\n][Action: f\nObservation:]*2.0 seen[<|im_end|>]\n"));
        Conversation empty = of(user("q1"), bot("<think>\n\n</think>\n\na1"), user("q2"), bot("<think>\nt\n</think>\n\na2"));
        assertEquals("last_round+ignore_empty_think", LossScale.parse("last_round_with_ignore_empty_think").toString());
        assertTrue(render("qwen3", OPTIONS.withLossScale(LossScale.parse("ignore_empty_think")), empty).contains(
                "assistant\n<think>\n\n</think>\n\n[a1<|im_end|>]\n"));
        assertThrows(IllegalArgumentException.class, () -> LossScale.parse("hermes+last_round"));
        assertTrue(assertThrows(IllegalArgumentException.class, () -> LossScale.parse("lastround")).getMessage().contains("ignore_empty_think"));
    }

    @Test
    void thinkingOfEarlierTurnsIsCutUnderLastRoundAndInPrompts() {
        Conversation two = of(user("q1"), bot("<think>\nt1\n</think>\n\na1"), user("q2"), bot("<think>\nt2\n</think>\n\na2"));
        assertEquals("<|im_start|>user\nq1<|im_end|>\n<|im_start|>assistant\na1<|im_end|>\n<|im_start|>user\nq2<|im_end|>\n<|im_start|>assistant\n"
                + "[<think>\nt2\n</think>\n\na2<|im_end|>]\n", render("qwen3", OPTIONS.withLossScale(LossScale.LAST_ROUND), two));
        assertTrue(render("qwen3", OPTIONS, two).contains("[<think>\nt1\n</think>\n\na1<|im_end|>]"));
        ChatTemplate r1 = REGISTRY.named("deepseek_r1", null);
        assertTrue(r1.promptFor(of(user("q1"), bot("<think>\nt\n</think>a"), user("q2")), OPTIONS).text()
                .endsWith("<｜User｜>q1<｜Assistant｜>a<｜end▁of▁sentence｜><｜User｜>q2<｜Assistant｜><think>\n"));
    }

    @Test
    void answersWithoutThinkingGetTheEmptyBlock() {
        Conversation plain = of(user("q1"), bot("a1"), user("q2"), bot("a2"));
        assertTrue(render("qwen3", OPTIONS, plain).contains("[<think>\n\n</think>\n\na1<|im_end|>]"));
        assertTrue(!render("qwen3", OPTIONS.withNonThinkingPrefix(false), plain).contains("think"));
        ChatTemplate qwen3 = REGISTRY.named("qwen3", null);
        ChatTemplate.Prompt quiet = qwen3.promptFor(of(user("q")), OPTIONS.withThinking(false));
        assertEquals("<think>\n\n</think>\n\n", quiet.responsePrefix());
        assertEquals("<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n", quiet.text());
        assertEquals("", qwen3.promptFor(of(user("q")), OPTIONS).responsePrefix());
        assertThrows(IllegalArgumentException.class, () -> REGISTRY.named("qwq", null).promptFor(of(user("q")), OPTIONS.withThinking(false)));
    }

    @Test
    void systemMessageOfTheRowThenOptionThenTemplate() {
        Conversation none = of(user("q"), bot("a"));
        Conversation own = of(new Message(Role.SYSTEM, "row"), user("q"), bot("a"));
        assertTrue(render("qwen2_5", OPTIONS, none).startsWith("<|im_start|>system\nYou are Qwen, created by Alibaba Cloud."));
        assertTrue(render("qwen2_5", OPTIONS.withSystem("option"), none).startsWith("<|im_start|>system\noption<|im_end|>"));
        assertTrue(render("qwen2_5", OPTIONS.withSystem("option"), own).startsWith("<|im_start|>system\nrow<|im_end|>"));
        assertTrue(render("qwen2_5", OPTIONS.withSystem(""), none).startsWith("<|im_start|>user\n"));
        assertTrue(render("llama3_2", OPTIONS, none).startsWith("<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n"
                + "Cutting Knowledge Date: December 2023\nToday Date: 07 Mar 2026\n\n<|eot_id|>"));
    }

    @Test
    void neighboursOfOneSpeakerAreJoined() {
        assertEquals("<｜begin▁of▁sentence｜><｜User｜>q1q2<｜Assistant｜>[a1a2<｜end▁of▁sentence｜>]",
                render("deepseek_v3", OPTIONS, of(user("q1"), user("q2"), bot("a1"), bot("a2"))));
    }

    @Test
    void callsAsTurnsAndInsideMessagesReadTheSame() {
        Map<String, Object> function = Map.of("name", "f", "arguments", Map.of("x", 1L));
        Conversation asTurn = of(user("q"), bot("see"), new Message(Role.TOOL_CALL, "{\"name\": \"f\", \"arguments\": {\"x\": 1}}"),
                new Message(Role.TOOL, "r1"), new Message(Role.TOOL, "r2"), bot("a"));
        Conversation inside = of(user("q"), new Message(Role.ASSISTANT, "see", null, Map.of("tool_calls", List.of(Map.of("function", function)))),
                new Message(Role.TOOL, "r1"), new Message(Role.TOOL, "r2"), bot("a"));
        String expected = "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n[see\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}\n"
                + "</tool_call><|im_end|>]\n<|im_start|>user\n<tool_response>\nr1\n</tool_response>\n<tool_response>\nr2\n</tool_response><|im_end|>\n"
                + "<|im_start|>assistant\n[a<|im_end|>]\n";
        assertEquals(expected, render("qwen3_nothinking", OPTIONS, asTurn));
        assertEquals(expected, render("qwen3_nothinking", OPTIONS, inside));
        assertEquals(expected, render("qwen3_nothinking", OPTIONS.withLossScale(LossScale.LAST_ROUND), asTurn), "the last round has two answers");
        BadRowException refused = assertThrows(BadRowException.class, () -> render("llama3", OPTIONS, asTurn));
        assertTrue(refused.getMessage().contains("--template jinja"), refused.getMessage());
    }

    @Test
    void rowTextMayBeKeptFromBecomingSpecialTokens() {
        List<Segment> segments = REGISTRY.named("qwen3_nothinking", null).render(of(user("<|im_end|>"), bot("a")), OPTIONS.withSplitSpecialTokens(true));
        assertEquals(List.of("<|im_end|>", "a"), segments.stream().filter(segment -> !segment.parseSpecialTokens()).map(Segment::text).toList());
    }

    @Test
    void generationTrainsEverythingBetweenBeginAndEnd() {
        assertEquals("[<s>once upon</s>]", render("generation", OPTIONS, of(user(""), bot("once upon"))));
        assertThrows(BadRowException.class, () -> render("generation", OPTIONS, of(user(""), bot(""))));
        assertEquals("<s>once", REGISTRY.named("generation", TOKENS).promptFor(of(user("once")), OPTIONS).text());
    }

    @Test
    void preferencesHaveTwoSides() {
        ChatTemplate template = REGISTRY.named("deepseek_v3", null);
        Conversation pair = new Conversation(List.of(user("q"), bot("good")), List.of(user("q"), bot("bad")), null, null, Map.of());
        ChatTemplate.Preference preference = template.renderPreference(pair, OPTIONS);
        assertEquals("good<｜end▁of▁sentence｜>", preference.chosen().get(1).text());
        assertEquals("bad<｜end▁of▁sentence｜>", preference.rejected().get(1).text());
        assertThrows(BadRowException.class, () -> template.renderPreference(of(user("q"), bot("a")), OPTIONS));
    }

    @Test
    void fingerprintsFollowWhatDecidesTheText() {
        ChatTemplate qwen = REGISTRY.named("qwen3", null);
        assertEquals(qwen.fingerprint(OPTIONS), new TemplateRegistry().named("qwen3", null).fingerprint(RenderOptions.on(LocalDate.of(2020, 1, 1))),
                "a template without a date line does not depend on the day");
        ChatTemplate llama = REGISTRY.named("llama3_2", null);
        assertNotEquals(llama.fingerprint(OPTIONS), llama.fingerprint(RenderOptions.on(LocalDate.of(2020, 1, 1))));
        assertNotEquals(qwen.fingerprint(OPTIONS), qwen.fingerprint(OPTIONS.withSystem("s")));
        assertNotEquals(qwen.fingerprint(OPTIONS), qwen.fingerprint(OPTIONS.withLossScale(LossScale.ALL)));
        assertNotEquals(qwen.fingerprint(OPTIONS), REGISTRY.named("qwq", null).fingerprint(OPTIONS));
        assertEquals(64, qwen.fingerprint(OPTIONS).length());
    }

    @Test
    void promptsEndWithAQuestion() {
        ChatTemplate template = REGISTRY.named("qwen3", null);
        assertThrows(BadRowException.class, () -> template.promptFor(of(user("q"), bot("a")), OPTIONS));
        assertEquals(List.of("<|im_end|>", "<|endoftext|>"), template.stopTokens());
        IllegalArgumentException unknown = assertThrows(IllegalArgumentException.class, () -> REGISTRY.named("qwen9", null));
        assertTrue(unknown.getMessage().contains("qwen2_5") && unknown.getMessage().contains("jinja"), unknown.getMessage());
    }
}
