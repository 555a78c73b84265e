package ai.sparktron.jobs.cli;

import ai.sparktron.pipeline.template.ChatTemplate;
import ai.sparktron.pipeline.template.LossScale;
import ai.sparktron.pipeline.template.ModelTexts;
import ai.sparktron.pipeline.template.RenderOptions;
import ai.sparktron.pipeline.template.TemplateRegistry;
import ai.sparktron.trainer.config.Command;
import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.config.TemplateOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Optional;

/**
 * How conversations become text, by the options of a command.
 *
 * @param template of the model, or the one that was named
 * @param options system message, trained parts, thinking
 */
record ChatFormat(ChatTemplate template, RenderOptions options) {

    /**
     * The format of a command. {@code pt} and {@code use_chat_template false} write plain text.
     *
     * @param model directory with config.json
     * @param tokenizer directory with the tokenizer's files
     */
    static ChatFormat of(Options options, Path model, Path tokenizer) throws IOException {
        TemplateOptions template = options.template();
        boolean plain = options.command() == Command.PT || !template.useChatTemplate()
                || options.command() == Command.PREPARE && options.prepare().task().equals("pt");
        return of(template, plain, model, tokenizer);
    }

    /** The format of template options. @param plain whether text is written without chat markup */
    static ChatFormat of(TemplateOptions template, boolean plain, Path model, Path tokenizer) throws IOException {
        TemplateRegistry registry = new TemplateRegistry();
        ModelTexts texts = ModelTexts.read(model, tokenizer);
        ChatTemplate chosen = plain ? registry.generation(texts)
                : template.template().isPresent() ? registry.named(template.template().get(), texts) : registry.forModel(texts);
        RenderOptions options = RenderOptions.on(LocalDate.now())
                .withSystem(system(template.system()).orElse(null))
                .withLossScale(LossScale.parse(template.lossScale()))
                .withThinking(template.enableThinking().orElse(null));
        return new ChatFormat(chosen, options);
    }

    private static Optional<String> system(Optional<String> given) throws IOException {
        if (given.isEmpty() || !given.get().endsWith(".txt")) {
            return given;
        }
        Path file = Path.of(given.get());
        if (!Files.isRegularFile(file)) {
            throw new ConfigurationException("--system " + file + ": there is no such file");
        }
        return Optional.of(Files.readString(file, StandardCharsets.UTF_8).strip());
    }
}
