/**
 * Pipeline schedules as data: {@link ai.sparktron.trainer.parallel.schedule.Schedule} is what one stage does in a step, a list of
 * {@link ai.sparktron.trainer.parallel.schedule.Action}s; {@link ai.sparktron.trainer.parallel.schedule.Timeline} plays all stages' lists against each other, to
 * print them, to find deadlocks and to count the bubble. Pure arithmetic; imports nothing of ours.
 */
package ai.sparktron.trainer.parallel.schedule;
