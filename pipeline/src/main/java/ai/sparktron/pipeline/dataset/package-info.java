/**
 * Dataset rows and what they mean. Start at {@link ai.sparktron.pipeline.dataset.ConversationReader}: a row in any of the accepted forms becomes
 * a {@link ai.sparktron.pipeline.dataset.Conversation}, or a {@link ai.sparktron.pipeline.dataset.BadRow} that says why not.
 * {@link ai.sparktron.pipeline.dataset.DatasetSpec} reads what {@code --dataset} names and
 * {@link ai.sparktron.pipeline.dataset.RowSampling} says which rows {@code #N} takes. Pure: nothing here opens a file.
 *
 * <p>May not import Spark, Arrow or the trainer.
 */
package ai.sparktron.pipeline.dataset;
