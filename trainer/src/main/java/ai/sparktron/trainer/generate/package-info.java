/**
 * Text continuation: {@link ai.sparktron.trainer.generate.Generator} runs a model with a key/value cache, token by token, and
 * {@link ai.sparktron.trainer.generate.Sampler} picks each token.
 *
 * <p>Never imports {@code comm.nccl} or Spark; knows ids, not text.
 */
package ai.sparktron.trainer.generate;
