/**
 * Text to token ids. {@link ai.sparktron.pipeline.tokenize.Tokenizer} is the contract, {@code TokenizerFile} reads a model directory's
 * {@code tokenizer.json} and its companions, {@code ExampleEncoder} turns rendered segments into an
 * {@link ai.sparktron.pipeline.tokenize.Example} with labels and weights.
 *
 * <p>Ids are identical to those of Hugging Face's {@code tokenizers}. Spark and Arrow are not imported here.
 */
package ai.sparktron.pipeline.tokenize;
