/**
 * Conversations to the text a model was made for. Start at {@link ai.sparktron.pipeline.template.TemplateRegistry}, which chooses a
 * {@link ai.sparktron.pipeline.template.ChatTemplate} for a model; it renders {@link ai.sparktron.pipeline.template.Segment segments}, each with its
 * loss weight ({@link ai.sparktron.pipeline.template.LossScale}). Built-in templates are data in {@code templates.json}.
 *
 * <p>May not import Spark or tokenizer classes.
 */
package ai.sparktron.pipeline.template;
