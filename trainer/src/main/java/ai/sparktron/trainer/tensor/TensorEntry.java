package ai.sparktron.trainer.tensor;

/**
 * One tensor of a safetensors file, as its header describes it.
 *
 * @param name       name in the file
 * @param dtype      element type
 * @param shape      extents
 */
public record TensorEntry(String name, DType dtype, Shape shape) {

    /** Bytes of the elements. */
    public long sizeBytes() {
        return Math.multiplyExact(shape.elements(), (long) dtype.sizeBytes());
    }
}
