package ai.sparktron.pipeline.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.pipeline.dataset.BadRowException;
import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.dataset.Message;
import ai.sparktron.pipeline.dataset.Role;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The model's own template: what is trained, and which built-in template stands in for it. */
class JinjaChatTemplateTest {

    private static final RenderOptions OPTIONS = RenderOptions.on(LocalDate.of(2026, 3, 7));
    private static final TemplateRegistry REGISTRY = new TemplateRegistry();

    private static String template(String name) {
        try (InputStream in = JinjaChatTemplateTest.class.getResourceAsStream("/jinja/templates/" + name + ".jinja")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static ModelTexts model(String type, String source, String begin, String end) {
        return new ModelTexts(type, source, Map.of("bos_token", begin, "eos_token", end), false);
    }

    private static Conversation chat(String... turns) {
        List<Message> messages = new ArrayList<>();
        for (int i = 0; i < turns.length; i++) {
            messages.add(new Message(i % 2 == 0 ? Role.USER : Role.ASSISTANT, turns[i]));
        }
        return new Conversation(messages);
    }

    private static List<String> trained(List<Segment> segments) {
        return segments.stream().filter(segment -> segment.weight() > 0).map(Segment::text).toList();
    }

    @Test
    void answersAreFoundByDifference() {
        ChatTemplate own = REGISTRY.named("jinja", model("qwen2", template("qwen2_5"), "", "<|im_end|>"));
        ChatTemplate builtIn = REGISTRY.named("qwen2_5", null);
        Conversation chat = chat("q1", "a1", "q2", "a2");
        for (LossScale scale : List.of(LossScale.DEFAULT, LossScale.LAST_ROUND, LossScale.ALL, LossScale.parse("hermes"))) {
            RenderOptions options = OPTIONS.withLossScale(scale);
            assertEquals(builtIn.render(chat, options), own.render(chat, options), scale.toString());
        }
        assertEquals(builtIn.promptFor(chat("q"), OPTIONS), own.promptFor(chat("q"), OPTIONS));
    }

    @Test
    void aTemplateThatRewritesItsPastIsRefusedWhereThatMatters() {
        ChatTemplate own = REGISTRY.named("jinja", model("qwen3", template("qwen3"), "", "<|im_end|>"));
        Conversation chat = chat("q1", "a1", "q2", "a2");
        BadRowException refused = assertThrows(BadRowException.class, () -> own.render(chat, OPTIONS));
        assertTrue(refused.getMessage().contains("loss_scale last_round"), refused.getMessage());
        assertEquals(List.of("<think>\n\n</think>\n\na2<|im_end|>"), trained(own.render(chat, OPTIONS.withLossScale(LossScale.LAST_ROUND))));
    }

    @Test
    void generationBlocksSayWhatIsTrained() {
        ChatTemplate own = REGISTRY.named("jinja", model("qwen3", template("qwen3_training"), "", "<|im_end|>"));
        List<String> all = trained(own.render(chat("q1", "a1", "q2", "a2"), OPTIONS));
        assertTrue(all.size() == 2 && all.get(0).contains("a1") && all.get(1).contains("a2"), all.toString());
        List<String> last = trained(own.render(chat("q1", "a1", "q2", "a2"), OPTIONS.withLossScale(LossScale.LAST_ROUND)));
        assertTrue(last.size() == 1 && last.get(0).contains("a2"), last.toString());
    }

    @Test
    void rowsThatTheTemplateRefusesAreBadRows() {
        ChatTemplate own = REGISTRY.named("jinja", model("x", "{{ raise_exception('no tools here') if tools }}{{ messages[0].content }}", "", "</s>"));
        Conversation tools = new Conversation(chat("q", "a").messages(), null, List.of(Map.of("name", "f")), null, Map.of());
        assertTrue(assertThrows(BadRowException.class, () -> own.render(tools, OPTIONS)).getMessage().contains("no tools here"));
        IllegalArgumentException broken = assertThrows(IllegalArgumentException.class, () -> REGISTRY.named("jinja", model("x", "{% if %}", "", "")));
        assertTrue(broken.getMessage().contains("template line 1"), broken.getMessage());
        assertThrows(IllegalArgumentException.class, () -> REGISTRY.named("jinja", model("x", null, "", "")));
    }

    @Test
    void templatesTravel() throws Exception {
        for (ChatTemplate template : List.of(REGISTRY.named("qwen3", null), REGISTRY.named("jinja", model("qwen2", template("qwen2_5"), "", "<|im_end|>")))) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            new ObjectOutputStream(bytes).writeObject(template);
            ChatTemplate arrived = (ChatTemplate) new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray())).readObject();
            assertEquals(template.render(chat("q", "a"), OPTIONS), arrived.render(chat("q", "a"), OPTIONS));
            assertEquals(template.fingerprint(OPTIONS), arrived.fingerprint(OPTIONS));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "qwen2_5, qwen2, '', <|im_end|>, qwen2_5", "qwen3, qwen3, '', <|im_end|>, qwen3", "qwen3_2, qwen3_moe, '', <|im_end|>, qwen3",
        "qwen3_instruct_2507, qwen3, '', <|im_end|>, qwen3_nothinking", "deepseek_v3, deepseek_v3, <｜begin▁of▁sentence｜>, x, deepseek_v3",
        "deepseek_r1, deepseek_v3, <｜begin▁of▁sentence｜>, x, deepseek_r1", "deepseek_r1_distill, qwen2, <｜begin▁of▁sentence｜>, x, deepseek_r1",
        "gpt_oss, gpt_oss, '', <|return|>, jinja", "phi3, phi3, <s>, <|endoftext|>, jinja", "glm4moe, glm4_moe, '', <|endoftext|>, jinja",
        "own_alternating, x, <s>, </s>, jinja"})
    void aModelGetsTheBuiltInTemplateThatWritesTheSame(String file, String type, String begin, String end, String expected) {
        assertEquals(expected, REGISTRY.forModel(model(type, template(file), begin, end)).name());
    }

    @Test
    void aModelWithoutChatTemplateGetsWhatIsUsualForItsType() {
        assertEquals("qwen3", REGISTRY.forModel(model("qwen3", null, "", "")).name());
        IllegalArgumentException none = assertThrows(IllegalArgumentException.class, () -> REGISTRY.forModel(model("llama", null, "", "")));
        assertTrue(none.getMessage().contains("--template") && none.getMessage().contains("llama3_1"), none.getMessage());
    }

    @Test
    void modelFilesAreRead(@TempDir Path directory) throws IOException {
        Files.writeString(directory.resolve("config.json"), "{\"model_type\": \"llama\"}");
        Files.writeString(directory.resolve("tokenizer_config.json"),
                "{\"bos_token\": {\"content\": \"<s>\"}, \"eos_token\": \"</s>\", \"chat_template\": [{\"name\": \"tool_use\", \"template\": \"t\"},"
                        + " {\"name\": \"default\", \"template\": \"d\"}]}");
        Files.writeString(directory.resolve("tokenizer.json"), "{\"version\": \"1.0\", \"model\": {\"vocab\": {\"a\": 1}}, \"post_processor\": "
                + "{\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"<s>\", \"type_id\": 0}}]}}");
        assertEquals(new ModelTexts("llama", "d", Map.of("bos_token", "<s>", "eos_token", "</s>"), true), ModelTexts.read(directory, directory));
        Files.writeString(directory.resolve("chat_template.jinja"), "file");
        assertEquals("file", ModelTexts.read(directory, directory).chatTemplate());
        Files.writeString(directory.resolve("config.json"), "{");
        assertTrue(assertThrows(IOException.class, () -> ModelTexts.read(directory, directory)).getMessage().contains("config.json"));
    }

    /** Real models' files, where a directory of them is named: their templates compile, render, and agree with the built-in one chosen. */
    @Test
    void realModelDirectories() throws IOException {
        String root = System.getProperty("sparktron.models", System.getenv("SPARKTRON_MODELS"));
        Assumptions.assumeTrue(root != null, "no directory of models given by -Dsparktron.models or SPARKTRON_MODELS");
        List<Path> configs;
        try (Stream<Path> found = Files.find(Path.of(root), 6, (path, attributes) -> path.endsWith("tokenizer_config.json"))) {
            configs = found.sorted().toList();
        }
        Assumptions.assumeFalse(configs.isEmpty(), "no tokenizer_config.json under " + root);
        for (Path config : configs) {
            ModelTexts texts = ModelTexts.read(config.getParent(), config.getParent());
            Assumptions.assumeTrue(texts.chatTemplate() != null, config + " has no chat template");
            ChatTemplate chosen = REGISTRY.forModel(texts);
            String own = REGISTRY.named("jinja", texts).promptFor(chat("q1", "a1", "q2"), OPTIONS).text();
            String built = chosen.promptFor(chat("q1", "a1", "q2"), OPTIONS).text();
            assertTrue(built.startsWith(own), config + ": " + chosen.name() + "\n" + own + "\n" + built);
            System.out.println(config.getParent() + ": template " + chosen.name());
        }
    }
}
