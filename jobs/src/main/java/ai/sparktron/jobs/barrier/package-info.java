/**
 * Ranks inside Spark: start with {@link ai.sparktron.jobs.barrier.BarrierRun}, which runs a {@link ai.sparktron.jobs.barrier.RankProgram} as one rank per
 * task of a barrier job and restarts it after failures.
 *
 * <p>An attempt is one barrier job with a token of its own. Its ranks talk to the driver's {@code Coordinator} over a {@code ControlChannel} (a Spark
 * plugin, or a socket where the context runs already): they register, get their places, send heartbeats, and learn of an abort in the answer. In each
 * rank a {@code RankWatchdog} ends what is stuck. The coordinator decides what went wrong first; {@link ai.sparktron.jobs.barrier.FailureReport} says
 * it. Of the trainer only {@code comm}, {@code train} and {@code config} may be imported.
 */
package ai.sparktron.jobs.barrier;
