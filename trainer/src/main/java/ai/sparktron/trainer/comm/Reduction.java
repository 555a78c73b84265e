package ai.sparktron.trainer.comm;

/** How the ranks' elements become one. Floating-point sums are taken in rank order, so that equal inputs give equal bits. */
public enum Reduction {
    SUM, MAX
}
