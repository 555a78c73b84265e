/**
 * Text to token ids. {@link ai.sparktron.pipeline.tokenize.TokenizerFile} reads the tokenizer of a model directory,
 * {@link ai.sparktron.pipeline.tokenize.Tokenizer} is the contract, {@link ai.sparktron.pipeline.tokenize.ExampleEncoder} turns rendered segments
 * into an {@link ai.sparktron.pipeline.tokenize.Example} with labels and weights.
 *
 * <p>Ids are identical to those of Hugging Face's {@code tokenizers}. How a text becomes ids: added tokens are cut out
 * ({@code AddedTokenMatcher}), the rest is normalized, split into words ({@code WordScanner} by hand for known families, {@code PieceStages}
 * otherwise) and each word is merged ({@code WordEncoder} with its {@code WordCache}). Spark and Arrow are not imported here.
 */
package ai.sparktron.pipeline.tokenize;
