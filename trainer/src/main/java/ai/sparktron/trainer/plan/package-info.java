/**
 * What a run would take before it starts: {@link ai.sparktron.trainer.plan.GridPlan} measures the ranks of a grid without a device, {@link ai.sparktron.trainer.plan.StepTime}
 * estimates a step on given GPUs, {@link ai.sparktron.trainer.plan.GridSearch} tries grids, {@link ai.sparktron.trainer.plan.PlanText} shows them.
 */
package ai.sparktron.trainer.plan;
