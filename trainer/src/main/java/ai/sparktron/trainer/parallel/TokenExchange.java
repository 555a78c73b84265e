package ai.sparktron.trainer.parallel;

/** How tokens reach experts on other ranks; the numbers are the same. */
public enum TokenExchange {
    /** Each token goes to the ranks of its experts. */
    ALL_TO_ALL,
    /** Every rank gets all tokens. */
    ALL_GATHER
}
