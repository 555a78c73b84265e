package ai.sparktron.pipeline.template.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.pipeline.dataset.RowValues;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Every text, generation span and error equals what Python's jinja2 makes of the same template (src/test/golden says how it was computed). */
class GoldenTest {

    private static final Golden GOLDEN = Golden.load();

    record Golden(LocalDateTime now, Map<String, Object> defaults, Map<String, Map<String, Object>> scenarios, List<Map<String, Object>> chats,
                  List<Map<String, Object>> snippets, Map<String, Object> snippetContext) {

        static Golden load() {
            try (InputStream in = GoldenTest.class.getResourceAsStream("/jinja/golden.json")) {
                return of(new String(in.readAllBytes(), StandardCharsets.UTF_8));
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }

        @SuppressWarnings("unchecked")
        static Golden of(String json) {
            Map<String, Object> all = (Map<String, Object>) RowValues.parseJson(json, "golden.json");
            return new Golden(LocalDateTime.parse((String) all.get("now")), (Map<String, Object>) all.get("defaults"),
                    (Map<String, Map<String, Object>>) all.get("scenarios"), (List<Map<String, Object>>) all.get("chats"),
                    (List<Map<String, Object>>) all.get("snippets"), (Map<String, Object>) all.get("snippet_context"));
        }

        Map<String, Object> context(String scenario) {
            Map<String, Object> context = new LinkedHashMap<>();
            context.put("tools", null);
            context.put("documents", null);
            context.put("add_generation_prompt", false);
            context.putAll(defaults);
            context.putAll(scenarios.get(scenario));
            return context;
        }
    }

    static String template(String name) {
        try (InputStream in = GoldenTest.class.getResourceAsStream("/jinja/templates/" + name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** What the engine makes of a case, in the golden file's terms. */
    static Map<String, Object> outcome(String source, Map<String, Object> context, LocalDateTime now) {
        Map<String, Object> outcome = new LinkedHashMap<>();
        try {
            Rendered rendered = JinjaTemplate.compile(source).render(context, now);
            outcome.put("text", rendered.text());
            List<List<Long>> spans = new ArrayList<>();
            rendered.generated().forEach(span -> spans.add(List.of((long) rendered.text().codePointCount(0, span.start()),
                    (long) rendered.text().codePointCount(0, span.end()))));
            if (!spans.isEmpty()) {
                outcome.put("spans", spans);
            }
        } catch (JinjaException e) {
            outcome.put("error", e.kind() + ": " + e.getMessage());
            if (e.kind() == JinjaException.Kind.RAISED) {
                outcome.put("raised", e.fault());
            }
        }
        return outcome;
    }

    static String difference(Map<String, Object> expected, Map<String, Object> actual) {
        boolean same = expected.containsKey("error") ? actual.containsKey("error") && java.util.Objects.equals(expected.get("raised"),
                actual.get("raised")) : expected.get("text").equals(actual.get("text"))
                && java.util.Objects.equals(expected.get("spans"), actual.get("spans"));
        return same ? null : "\n  expected " + pick(expected) + "\n  but got  " + actual;
    }

    private static Map<String, Object> pick(Map<String, Object> expected) {
        Map<String, Object> picked = new LinkedHashMap<>(expected);
        picked.keySet().retainAll(List.of("text", "spans", "error", "raised"));
        return picked;
    }

    @Test
    void chatTemplatesRenderAsInPython() {
        List<String> failures = new ArrayList<>();
        for (Map<String, Object> chat : GOLDEN.chats()) {
            String difference = difference(chat, outcome(template((String) chat.get("template")), GOLDEN.context((String) chat.get("scenario")),
                    GOLDEN.now()));
            if (difference != null) {
                failures.add(chat.get("template") + " / " + chat.get("scenario") + difference);
            }
        }
        assertTrue(GOLDEN.chats().size() >= 480, "golden chats: " + GOLDEN.chats().size());
        assertEquals(List.of(), failures, () -> failures.size() + " of " + GOLDEN.chats().size() + " differ:\n" + String.join("\n", failures));
    }

    @Test
    void languageSnippetsRenderAsInPython() {
        List<String> failures = new ArrayList<>();
        for (Map<String, Object> snippet : GOLDEN.snippets()) {
            String difference = difference(snippet, outcome((String) snippet.get("source"), GOLDEN.snippetContext(), GOLDEN.now()));
            if (difference != null) {
                failures.add(snippet.get("source") + difference);
            }
        }
        assertTrue(GOLDEN.snippets().size() >= 200, "golden snippets: " + GOLDEN.snippets().size());
        assertEquals(List.of(), failures, () -> failures.size() + " of " + GOLDEN.snippets().size() + " differ:\n" + String.join("\n", failures));
    }
}
