package ai.sparktron.trainer.tensor;

/** A block that grows where it is: what lies in it stays, and so does its address. */
public interface GrowingStorage extends Storage {

    /**
     * Makes the block at least so large; what is new is undefined.
     *
     * @param least in bytes; nothing happens where the block has them
     * @throws OutOfDeviceMemoryException when they do not fit; the block is as large as before then
     */
    void grow(long least);
}
