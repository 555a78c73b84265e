/**
 * Ranks working on tensors together: start with {@link ai.sparktron.trainer.comm.Communicator}, the operations of one group, and
 * {@link ai.sparktron.trainer.comm.World}, from which groups come. A world is one rank alone ({@link ai.sparktron.trainer.comm.SelfWorld}), threads of
 * one process ({@link ai.sparktron.trainer.comm.InProcessWorld}), or processes joined by sockets
 * ({@link ai.sparktron.trainer.comm.socket.SocketWorld}), which all reduce in rank order and give the same bits; or, over one of these, GPUs
 * ({@link ai.sparktron.trainer.comm.nccl.NcclWorld}).
 *
 * <p>Layers and Spark are never imported here.
 */
package ai.sparktron.trainer.comm;
