/**
 * Ranks in different processes, joined by TCP: start with {@link ai.sparktron.trainer.comm.socket.SocketWorld}. Every pair of ranks has one connection,
 * on which frames of all groups travel; a reader and a writer thread per peer keep both directions moving, so that no order of calls can block two ranks
 * against each other. It serves host tensors, tests, and set-up for device communicators.
 */
package ai.sparktron.trainer.comm.socket;
