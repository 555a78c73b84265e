/**
 * Learning a vocabulary: {@link ai.sparktron.pipeline.tokenize.train.TrainTokenizer} is the program that made {@code examples/tokenizer},
 * {@link ai.sparktron.pipeline.tokenize.train.BpeTrainer} the algorithm. Spark and Arrow are not imported here.
 */
package ai.sparktron.pipeline.tokenize.train;
