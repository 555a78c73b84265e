package ai.sparktron.pipeline.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.dataset.ConversationReader;
import ai.sparktron.pipeline.dataset.ReadOptions;
import ai.sparktron.pipeline.dataset.RowResult;
import ai.sparktron.pipeline.dataset.RowValues;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * Built-in templates write, character for character, what Python's jinja2 made of the models' own chat templates in the golden file: samples under
 * {@code last_round} (where the thinking of earlier turns is cut as the models' own templates cut it) and prompts.
 */
class OwnTemplateParityTest {

    private static final Map<String, Object> GOLDEN = golden();

    /** Own template to built-in template and the spellings of its begin token. */
    private static final Map<String, String> PAIRS = Map.of("qwen2_5.jinja", "qwen2_5", "qwen3.jinja", "qwen3", "qwen3_2.jinja", "qwen3",
            "qwen3_instruct_2507.jinja", "qwen3_nothinking", "deepseek_v3.jinja", "deepseek_v3", "deepseek_r1.jinja", "deepseek_r1",
            "deepseek_r1_distill.jinja", "deepseek_r1");

    /** Where built-in templates differ by intention: neighbours of one speaker are joined, and what has no text is no row. */
    private static final Set<String> NOT_COMPARED = Set.of("wrong_order", "null_content", "unknown_role", "missing_content", "empty", "text_parts");

    @SuppressWarnings("unchecked")
    private static Map<String, Object> golden() {
        try (InputStream in = OwnTemplateParityTest.class.getResourceAsStream("/jinja/golden.json")) {
            return (Map<String, Object>) RowValues.parseJson(new String(in.readAllBytes(), StandardCharsets.UTF_8), "golden.json");
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void builtInTextEqualsTheModelsOwn() {
        List<String> failures = new ArrayList<>();
        Map<String, Integer> compared = new LinkedHashMap<>();
        for (Object entry : (List<?>) GOLDEN.get("chats")) {
            Map<?, ?> chat = (Map<?, ?>) entry;
            String builtIn = PAIRS.get(chat.get("template"));
            String scenario = (String) chat.get("scenario");
            if (builtIn == null || NOT_COMPARED.contains(scenario) || differs(builtIn, scenario) || chat.containsKey("error")) {
                continue;
            }
            String expected = expected(chat, builtIn);
            String actual = actual(builtIn, scenario);
            if (chat.get("template").equals("deepseek_r1.jinja") && actual.endsWith("<｜Assistant｜><think>\n")) {
                // DeepSeek-R1's own template leaves the start of the thinking to the model; those of its distillations write it.
                actual = actual.substring(0, actual.length() - "<think>\n".length());
            }
            if (expected == null || !expected.equals(actual)) {
                failures.add(chat.get("template") + " / " + scenario + "\n  expected " + expected + "\n  but got  " + actual);
            }
            compared.merge(builtIn, 1, Integer::sum);
        }
        assertEquals(List.of(), failures, () -> String.join("\n", failures));
        assertTrue(compared.get("qwen2_5") >= 20 && compared.get("qwen3") >= 40 && compared.get("deepseek_v3") >= 12
                && compared.get("deepseek_r1") >= 20, () -> "compared " + compared);
    }

    private static boolean differs(String builtIn, String scenario) {
        boolean deepSeek = builtIn.startsWith("deepseek");
        return deepSeek && (scenario.contains("tool") || scenario.equals("numbers") || scenario.equals("two_systems"))
                // A trained answer keeps its thinking, which DeepSeek-R1's own template cuts off even from the last answer.
                || builtIn.equals("deepseek_r1") && Set.of("think", "think_history", "empty_think", "no_think_prompt",
                        "reasoning_content").contains(scenario)
                // Arguments given as JSON text are written as they are; Qwen2.5's own template quotes them once more.
                || builtIn.equals("qwen2_5") && Set.of("tool_call_string", "tool_call_null").contains(scenario);
    }

    private static String expected(Map<?, ?> chat, String builtIn) {
        String text = (String) chat.get("text");
        return text == null ? null : text.replace("<s>", builtIn.startsWith("deepseek") ? "<｜begin▁of▁sentence｜>" : "<s>");
    }

    private static String actual(String builtIn, String scenario) {
        Map<?, ?> given = (Map<?, ?>) ((Map<?, ?>) GOLDEN.get("scenarios")).get(scenario);
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("messages", given.get("messages"));
        row.put("tools", given.get("tools"));
        boolean prompt = Boolean.TRUE.equals(given.get("add_generation_prompt"));
        RowResult read = new ConversationReader(new ReadOptions(Map.of(), prompt ? ReadOptions.Use.INFER : ReadOptions.Use.TRAIN, 42)).read(row);
        Conversation conversation = read.orElseThrow();
        ChatTemplate template = new TemplateRegistry().named(builtIn, null);
        RenderOptions options = RenderOptions.on(LocalDate.of(2026, 3, 7)).withLossScale(LossScale.LAST_ROUND);
        if (!prompt) {
            return Segment.text(template.render(conversation, options));
        }
        boolean thinks = template.name().equals("qwen3");
        ChatTemplate.Prompt text = template.promptFor(conversation, thinks ? options.withThinking((Boolean) given.get("enable_thinking")) : options);
        return text.text();
    }
}
