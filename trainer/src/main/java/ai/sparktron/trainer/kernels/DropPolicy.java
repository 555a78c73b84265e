package ai.sparktron.trainer.kernels;

/** Which tokens an expert keeps when more come than it may take; {@code moe_token_drop_policy}. */
public enum DropPolicy {
    /** Those with the largest weights; of equal ones the first. */
    PROBS,
    /** The first. */
    POSITION
}
