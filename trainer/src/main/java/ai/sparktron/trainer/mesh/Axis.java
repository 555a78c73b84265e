package ai.sparktron.trainer.mesh;

/** Axes of the dense view of the mesh, outer to inner: ranks next to each other share tensors, which talk most. */
public enum Axis {
    /** Stages of layers. */
    PIPELINE,
    /** Replicas that see other rows. */
    DATA,
    /** Parts of the tokens of a row. */
    CONTEXT,
    /** Parts of each layer's weights. */
    TENSOR
}
