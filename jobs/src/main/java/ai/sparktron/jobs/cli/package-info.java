/**
 * The command line: {@code pt sft infer export prepare verify}, and the same as library calls.
 *
 * <p>Start at {@link ai.sparktron.jobs.cli.Main}. Each command is one class that composes what pipeline, trainer and the barrier job
 * offer; classes of Spark are touched only by commands that need Spark, so that the others start in a second.
 */
package ai.sparktron.jobs.cli;
