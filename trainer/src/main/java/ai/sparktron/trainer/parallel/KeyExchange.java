package ai.sparktron.trainer.parallel;

/** How keys and values reach the queries of other context-parallel ranks ({@code cp_comm_type}). The numbers are the same. */
public enum KeyExchange {
    /** They go round, while ranks compute with those that are there ({@code p2p}). */
    RING,
    /** All are gathered before ({@code all_gather}). */
    GATHER,
    /** Heads are exchanged for tokens ({@code a2a}). */
    HEADS
}
