/**
 * Ranks with a GPU each, joined by NVIDIA's NCCL: start with {@link ai.sparktron.trainer.comm.nccl.NcclWorld}, which stands on a world of host ranks (sockets)
 * for meeting, comparing calls, lateness and aborts, and moves device tensors by NCCL.
 *
 * <p>Nothing native is loaded before a world is made. Layers and Spark are never imported here.
 */
package ai.sparktron.trainer.comm.nccl;
