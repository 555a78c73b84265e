/**
 * How ranks share one training: {@link ai.sparktron.trainer.parallel.ParallelPlan} is what a rank gets for its place on the mesh, made of one
 * {@link ai.sparktron.trainer.parallel.ParallelStrategy} per axis. A new strategy is its class and its line in {@code ParallelPlan.of}.
 *
 * <p>Sees specifications and seams; never layer classes, nor engines' implementations.
 */
package ai.sparktron.trainer.parallel;
