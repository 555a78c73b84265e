/**
 * Proof by numbers of others: {@link ai.sparktron.trainer.verify.Verification} runs a reference case (a small model with inputs, expected logits, loss, gradients,
 * greedy continuation and training trajectory) and says for each quantity how far ours is from it.
 */
package ai.sparktron.trainer.verify;
