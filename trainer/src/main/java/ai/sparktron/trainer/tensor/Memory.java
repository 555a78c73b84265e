package ai.sparktron.trainer.tensor;

import java.util.Optional;

/** Where an engine's blocks come from. One per kind of memory: the engine's own, pinned host memory for transfers, or none at all when measuring. */
public interface Memory {

    /**
     * A new block, contents undefined.
     *
     * @param sizeBytes at least 1
     * @param purpose   what it is for, named in the error
     * @throws OutOfDeviceMemoryException when it does not fit
     */
    Storage allocate(long sizeBytes, String purpose);

    /**
     * A new block of no bytes that can grow; empty where this memory has none such.
     *
     * @param purpose as of {@link #allocate}
     */
    default Optional<GrowingStorage> growing(String purpose) {
        return Optional.empty();
    }
}
