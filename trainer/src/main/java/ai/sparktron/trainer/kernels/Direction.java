package ai.sparktron.trainer.kernels;

/** Whether an orthogonal map is applied or its transpose, which is its gradient. */
public enum Direction {
    FORWARD,
    BACKWARD
}
