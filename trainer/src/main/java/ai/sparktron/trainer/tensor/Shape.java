package ai.sparktron.trainer.tensor;

import java.util.Arrays;

/** Extent of each dimension, outermost first. Immutable; a scalar has no dimension. */
public final class Shape {

    private final long[] sizes;

    private Shape(long[] sizes) {
        for (long size : sizes) {
            if (size < 0) {
                throw new IllegalArgumentException("shape " + Arrays.toString(sizes) + " has a negative size");
            }
        }
        this.sizes = sizes;
    }

    public static Shape of(long... sizes) {
        return new Shape(sizes.clone());
    }

    /** Number of dimensions. */
    public int rank() {
        return sizes.length;
    }

    public long size(int dimension) {
        return sizes[dimension];
    }

    /** Number of elements; fails where it does not fit 63 bits. */
    public long elements() {
        long product = 1;
        for (long size : sizes) {
            product = Math.multiplyExact(product, size);
        }
        return product;
    }

    public Shape with(int dimension, long size) {
        long[] copy = sizes.clone();
        copy[dimension] = size;
        return new Shape(copy);
    }

    public long[] toArray() {
        return sizes.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Shape shape && Arrays.equals(sizes, shape.sizes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(sizes);
    }

    @Override
    public String toString() {
        return Arrays.toString(sizes);
    }
}
