package ai.sparktron.trainer.parallel;

/** How tokens reach experts on other ranks; the numbers are the same. */
public enum TokenExchange {
    /** Each token goes to the ranks of its experts. */
    ALL_TO_ALL,
    /** Every rank gets all tokens. */
    ALL_GATHER,
    /** As {@link #ALL_TO_ALL}, by calls beside the layers' work, while the shared experts run. */
    ALL_TO_ALL_BESIDE
}
