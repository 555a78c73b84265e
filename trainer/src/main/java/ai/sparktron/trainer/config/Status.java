package ai.sparktron.trainer.config;

/** Whether an option works; an option is never ignored. */
public enum Status {
    /** Works. */
    BUILT,
    /** Known, and refused by name with any value but its default until it is built. */
    PLANNED,
    /** Accepted, because its effect cannot be told apart here; the printout of effective options says why. */
    NO_MEANING
}
