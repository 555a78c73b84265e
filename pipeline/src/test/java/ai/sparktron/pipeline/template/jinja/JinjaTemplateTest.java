package ai.sparktron.pipeline.template.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.pipeline.template.jinja.JinjaException.Kind;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the golden cases cannot show: refusals, limits, lines of errors, threads. */
class JinjaTemplateTest {

    private static final LocalDateTime NOW = LocalDateTime.of(2026, 3, 7, 15, 4, 5);

    private static JinjaException fault(String source, JinjaLimits limits) {
        return assertThrows(JinjaException.class, () -> JinjaTemplate.compile(source, limits).render(Map.of("xs", List.of(1L, 2L)), NOW));
    }

    @ParameterizedTest
    @ValueSource(strings = {"{% include 'x' %}", "{% import 'x' as y %}", "{% from 'x' import y %}", "{% extends 'x' %}", "{% block b %}{% endblock %}",
        "{% autoescape true %}{% endautoescape %}", "{% do x %}", "{{ x|urlize }}", "{{ x|pprint }}", "{{ x|random }}", "{{ x is awesome }}",
        "{{ x[1, 2] }}"})
    void whatIsNotSupportedIsRefusedWhenCompiled(String source) {
        JinjaException refused = assertThrows(JinjaException.class, () -> JinjaTemplate.compile("line one\n" + source));
        assertEquals(Kind.UNSUPPORTED, refused.kind(), refused.getMessage());
        assertEquals(2, refused.line(), refused.getMessage());
    }

    @Test
    void limitsStopRunawayTemplates() {
        assertEquals(Kind.LIMIT, fault("{% for i in range(9) %}{{ 'x' * 20 }}{% endfor %}", new JinjaLimits(100, 1000, 10)).kind());
        assertEquals(Kind.LIMIT, fault("{% for i in range(50) %}{% for j in range(50) %}{% endfor %}{% endfor %}", new JinjaLimits(100, 1000, 10)).kind());
        assertEquals(Kind.LIMIT, fault("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", JinjaLimits.DEFAULT).kind());
        assertEquals(Kind.LIMIT, fault("{{ 'x' * 99999999999 }}", JinjaLimits.DEFAULT).kind());
        assertEquals(Kind.LIMIT, fault("{{ 10 ** 100000 }}", JinjaLimits.DEFAULT).kind());
        assertEquals(Kind.LIMIT, assertThrows(JinjaException.class, () -> JinjaTemplate.compile("{{ " + "(".repeat(50_000) + "1" + ")".repeat(50_000) + " }}")).kind());
    }

    @Test
    void errorsSayTheirLine() {
        JinjaException division = fault("a\n{% if true %}\n  b\n  {{ 1 / 0 }}\n{% endif %}", JinjaLimits.DEFAULT);
        assertEquals(4, division.line());
        assertTrue(division.getMessage().endsWith("(template line 4)"), division.getMessage());
        assertEquals(3, fault("{# two\nlines #}\n{{ missing.attribute }}", JinjaLimits.DEFAULT).line());
        assertEquals(2, fault("x\n{{ 1 + }}", JinjaLimits.DEFAULT).line());
        assertEquals("stop", fault("\n\n{{ raise_exception('stop') }}", JinjaLimits.DEFAULT).fault());
    }

    @Test
    void generationInsideAMacroIsNotGuessed() {
        JinjaTemplate template = JinjaTemplate.compile("{% macro m() %}{% generation %}x{% endgeneration %}{% endmacro %}a{{ m() }}");
        assertEquals("ax", template.text(Map.of(), NOW));
        assertEquals(Kind.UNSUPPORTED, assertThrows(JinjaException.class, () -> template.render(Map.of(), NOW)).kind());
    }

    @Test
    void oneCompiledTemplateServesManyThreads() throws Exception {
        JinjaTemplate template = JinjaTemplate.compile(GoldenTest.template("qwen3.jinja"));
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            List<Callable<Boolean>> tasks = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                String text = "question " + i;
                tasks.add(() -> template.text(Map.of("messages", List.of(Map.of("role", "user", "content", text)), "tools", List.of()), NOW)
                        .equals("<|im_start|>user\n" + text + "<|im_end|>\n"));
            }
            for (Future<Boolean> done : threads.invokeAll(tasks)) {
                assertTrue(done.get());
            }
        } finally {
            threads.shutdownNow();
        }
    }
}
