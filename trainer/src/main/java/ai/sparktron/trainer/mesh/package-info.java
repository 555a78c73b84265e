/**
 * Which rank is where on the grid, and who works with whom: {@link ai.sparktron.trainer.mesh.Mesh}. Pure arithmetic; imports nothing of ours.
 */
package ai.sparktron.trainer.mesh;
