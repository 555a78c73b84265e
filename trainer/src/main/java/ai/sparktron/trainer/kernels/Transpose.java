package ai.sparktron.trainer.kernels;

/** Whether a matrix operand is read as it lies or transposed. */
public enum Transpose {
    NO,
    YES
}
