package ai.sparktron.trainer.tensor;

import java.util.Objects;

/**
 * A name, a type, a shape and an address. It has no maths and owns nothing: the memory belongs to the {@link Arena} it came from and is gone when
 * that arena's frame closes.
 *
 * <p>Elements are row-major. A tensor of two dimensions may be a range of columns of a wider one; then {@link #rowStride()} is larger than
 * {@link #columns()}. All other tensors are contiguous.
 */
public final class Tensor {

    private final String name;
    private final DType dtype;
    private final Shape shape;
    private final Storage storage;
    private final long byteOffset;
    private final long rowStride;
    private Object view;

    private Tensor(String name, DType dtype, Shape shape, Storage storage, long byteOffset, long rowStride) {
        this.name = Objects.requireNonNull(name, "name");
        this.dtype = dtype;
        this.shape = shape;
        this.storage = storage;
        this.byteOffset = byteOffset;
        this.rowStride = rowStride;
        long bytes = spanBytes();
        if (byteOffset < 0 || byteOffset + bytes > storage.sizeBytes()) {
            throw new IllegalStateException("tensor " + name + " " + dtype + shape + " covers bytes " + byteOffset + " to "
                    + (byteOffset + bytes) + " of a block of " + storage.sizeBytes());
        }
    }

    /** A contiguous tensor at an offset of a block. */
    public static Tensor of(String name, DType dtype, Shape shape, Storage storage, long byteOffset) {
        long stride = shape.rank() == 0 ? 1 : shape.size(shape.rank() - 1);
        return new Tensor(name, dtype, shape, storage, byteOffset, stride);
    }

    public String name() {
        return name;
    }

    public DType dtype() {
        return dtype;
    }

    public Shape shape() {
        return shape;
    }

    public Storage storage() {
        return storage;
    }

    /** Address of the first element. */
    public long address() {
        return storage.address() + byteOffset;
    }

    /**
     * The engine's view of this tensor's bytes, from the first element to the last; see {@link Storage#view}. Made at the first call and kept, so
     * that flat buffers of more bytes than a view may have can exist and be cut into {@link #rows} before kernels see them.
     */
    public Object view() {
        if (view == null) {
            view = storage.view(byteOffset, spanBytes());
        }
        return view;
    }

    /** All but the last dimension taken together; 1 for a scalar or a vector. */
    public long rows() {
        long columns = columns();
        return columns == 0 ? (shape.rank() < 2 ? 1 : shape.size(0)) : shape.elements() / columns;
    }

    /** Size of the last dimension; 1 for a scalar. */
    public long columns() {
        return shape.rank() == 0 ? 1 : shape.size(shape.rank() - 1);
    }

    /** Elements from one row's start to the next one's. */
    public long rowStride() {
        return rowStride;
    }

    public boolean isContiguous() {
        return rowStride == columns() || rows() <= 1;
    }

    /** Number of elements. */
    public long elements() {
        return shape.elements();
    }

    /** Bytes of the elements, gaps between rows not counted. */
    public long sizeBytes() {
        return elements() * dtype.sizeBytes();
    }

    /** Rows {@code from} (inclusive) to {@code from + count} of a tensor of two dimensions; elements {@code from ...} of a vector. Shares memory. */
    public Tensor rows(long from, long count) {
        checkRange("rows", from, count, shape.rank() == 1 ? columns() : rows());
        if (shape.rank() == 1) {
            return new Tensor(name, dtype, Shape.of(count), storage, byteOffset + from * dtype.sizeBytes(), count);
        }
        requireMatrix("rows");
        return new Tensor(name, dtype, Shape.of(count, columns()), storage, byteOffset + from * rowStride * dtype.sizeBytes(), rowStride);
    }

    /** Columns {@code from} (inclusive) to {@code from + count} of a tensor of two dimensions. Shares memory. */
    public Tensor columns(long from, long count) {
        requireMatrix("columns");
        checkRange("columns", from, count, columns());
        return new Tensor(name, dtype, Shape.of(rows(), count), storage, byteOffset + from * dtype.sizeBytes(), rowStride);
    }

    /** The same memory under another shape of as many elements; only for contiguous tensors. */
    public Tensor reshape(Shape other) {
        if (!isContiguous() || other.elements() != elements()) {
            throw new IllegalStateException("cannot read " + this + " as " + other
                    + ": it must be contiguous and have as many elements");
        }
        return Tensor.of(name, dtype, other, storage, byteOffset);
    }

    private long spanBytes() {
        if (elements() == 0) {
            return 0;
        }
        return ((rows() - 1) * rowStride + columns()) * dtype.sizeBytes();
    }

    private void requireMatrix(String what) {
        if (shape.rank() != 2) {
            throw new IllegalStateException(what + " of " + this + ": expected two dimensions");
        }
    }

    private void checkRange(String what, long from, long count, long size) {
        if (from < 0 || count < 0 || from + count > size) {
            throw new IllegalStateException(what + " " + from + " to " + (from + count) + " of " + this + ": it has " + size);
        }
    }

    @Override
    public String toString() {
        return name + " " + dtype + shape + (isContiguous() ? "" : " stride " + rowStride);
    }
}
