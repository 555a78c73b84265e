package ai.sparktron.pipeline.template;

import ai.sparktron.pipeline.dataset.BadRowException;
import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.dataset.Message;
import ai.sparktron.pipeline.dataset.Role;
import ai.sparktron.pipeline.template.TemplateDefinition.Thinking;
import ai.sparktron.pipeline.template.jinja.JinjaException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * All templates, by name, and the choice among them for a model. A model gets the built-in template that writes the same text as its own chat
 * template, tried on a few conversations; otherwise its own.
 */
public final class TemplateRegistry {

    private static final Map<String, String> WITHOUT_CHAT_TEMPLATE = Map.of("qwen2", "qwen2_5", "qwen2_moe", "qwen2_5", "qwen3", "qwen3",
            "qwen3_moe", "qwen3", "deepseek_v3", "deepseek_v3");

    private final List<TemplateDefinition> definitions = TemplateDefinitions.load();

    /** What {@code --template} may be, in the order of the definitions, with {@code generation} and {@code jinja} at the end. */
    public List<String> names() {
        List<String> names = new ArrayList<>();
        definitions.forEach(definition -> {
            names.add(definition.name());
            names.addAll(definition.aliases());
        });
        names.add(GenerationTemplate.NAME);
        names.add(JinjaChatTemplate.NAME);
        return names;
    }

    /**
     * A template by name.
     *
     * @param model for {@code generation} the tokenizer's begin and end tokens, for {@code jinja} its chat template; others ignore it
     * @throws IllegalArgumentException for an unknown name, or a model without what the template needs
     */
    public ChatTemplate named(String name, ModelTexts model) {
        if (name.equals(GenerationTemplate.NAME)) {
            return generation(model);
        }
        if (name.equals(JinjaChatTemplate.NAME)) {
            return jinja(model);
        }
        return new BuiltInTemplate(definitions.stream().filter(definition -> definition.name().equals(name) || definition.aliases().contains(name))
                .findFirst().orElseThrow(() -> new IllegalArgumentException("template '" + name + "' is unknown: expected one of " + names())));
    }

    /** The template of {@code --use_chat_template false} and of {@code pt}. */
    public ChatTemplate generation(ModelTexts model) {
        String end = model.specialTokens().get("eos_token");
        if (end == null) {
            throw new IllegalArgumentException("the tokenizer names no eos_token: the generation template ends every text with it; set it in"
                    + " tokenizer_config.json");
        }
        return new GenerationTemplate(model.addsBegin() ? model.specialTokens().getOrDefault("bos_token", "") : "", end);
    }

    private static ChatTemplate jinja(ModelTexts model) {
        if (model.chatTemplate() == null) {
            throw new IllegalArgumentException("template jinja: the model has no chat template; expected chat_template in tokenizer_config.json or a"
                    + " file chat_template.jinja, or name a built-in template with --template");
        }
        try {
            return new JinjaChatTemplate(model);
        } catch (JinjaException e) {
            throw new IllegalArgumentException("the model's chat template cannot be used: " + e.getMessage() + "; name a built-in template with"
                    + " --template", e);
        }
    }

    /**
     * The template for a model whose user named none.
     *
     * @throws IllegalArgumentException if the model has no chat template and its type none by default
     */
    public ChatTemplate forModel(ModelTexts model) {
        if (model.chatTemplate() == null) {
            String name = WITHOUT_CHAT_TEMPLATE.get(String.valueOf(model.modelType()));
            if (name == null) {
                throw new IllegalArgumentException("the model (model_type " + model.modelType() + ") has no chat template and none is usual for its"
                        + " type: name one with --template, one of " + names());
            }
            return named(name, model);
        }
        ChatTemplate own = jinja(model);
        for (TemplateDefinition definition : definitions) {
            ChatTemplate builtIn = new BuiltInTemplate(definition);
            if (writesTheSame(builtIn, own, definition)) {
                return builtIn;
            }
        }
        return own;
    }

    private static boolean writesTheSame(ChatTemplate builtIn, ChatTemplate own, TemplateDefinition definition) {
        RenderOptions options = RenderOptions.on(LocalDate.of(2026, 1, 2));
        if (definition.thinking() == Thinking.OPTIONAL && !samePrompt(builtIn, own, Probes.QUESTION, options.withThinking(false))) {
            return false;
        }
        return Probes.ALL.stream().allMatch(probe -> samePrompt(builtIn, own, probe, options)) && sameTools(builtIn, own, options);
    }

    /** The prompts are equal; a response prefix that only the built-in template has is a habit of inference and may differ. */
    private static boolean samePrompt(ChatTemplate builtIn, ChatTemplate own, Conversation probe, RenderOptions options) {
        try {
            ChatTemplate.Prompt ours = builtIn.promptFor(probe, options);
            String theirs = own.promptFor(probe, options).text();
            return theirs.equals(ours.text())
                    || theirs.equals(ours.text().substring(0, ours.text().length() - ours.responsePrefix().length()));
        } catch (BadRowException e) {
            return false;
        }
    }

    /** Both write tools alike, or the model's own template refuses or ignores them. */
    private static boolean sameTools(ChatTemplate builtIn, ChatTemplate own, RenderOptions options) {
        if (refuses(own, Probes.TOOLS, options)
                || own.promptFor(Probes.TOOLS, options).text().equals(own.promptFor(Probes.QUESTION, options).text())) {
            return true;
        }
        return samePrompt(builtIn, own, Probes.TOOLS, options);
    }

    private static boolean refuses(ChatTemplate template, Conversation probe, RenderOptions options) {
        try {
            template.promptFor(probe, options);
            return false;
        } catch (BadRowException e) {
            return true;
        }
    }

    /** Conversations on which templates show their differences. */
    private static final class Probes {
        static final Conversation QUESTION = of(new Message(Role.USER, "q1"));
        static final List<Conversation> ALL = List.of(QUESTION,
                of(new Message(Role.SYSTEM, "s"), new Message(Role.USER, "q1"), new Message(Role.ASSISTANT, "a1"), new Message(Role.USER, "q2")),
                of(new Message(Role.USER, "q1"), new Message(Role.ASSISTANT, "<think>\nt\n</think>\n\na1"), new Message(Role.USER, " q2\n"),
                        new Message(Role.ASSISTANT, "a2"), new Message(Role.USER, "q3")));
        static final Conversation TOOLS = new Conversation(QUESTION.messages(), null,
                List.of(Map.of("type", "function", "function", Map.of("name", "f"))), null, Map.of());

        private static Conversation of(Message... messages) {
            return new Conversation(List.of(messages));
        }
    }
}
