package ai.sparktron.trainer.model;

import ai.sparktron.trainer.tensor.Shape;
import java.util.Objects;

/**
 * The rectangle of a global tensor that a rank holds. A vector is one row.
 *
 * @param tensor      the global tensor
 * @param firstRow    first row held
 * @param rows        rows held
 * @param firstColumn first column held
 * @param columns     columns held
 */
public record TensorSlice(TensorSpec tensor, long firstRow, long rows, long firstColumn, long columns) {
    public TensorSlice {
        Objects.requireNonNull(tensor, "tensor");
        if (firstRow < 0 || rows <= 0 || firstColumn < 0 || columns <= 0 || firstRow + rows > tensor.rows()
                || firstColumn + columns > tensor.columns()) {
            throw new IllegalArgumentException("slice rows " + firstRow + "+" + rows + ", columns " + firstColumn + "+" + columns + " of "
                    + tensor.name() + " " + tensor.shape() + " lies outside");
        }
    }

    /** All of it. */
    public static TensorSlice whole(TensorSpec tensor) {
        return new TensorSlice(tensor, 0, tensor.rows(), 0, tensor.columns());
    }

    public boolean isWhole() {
        return rows == tensor.rows() && columns == tensor.columns();
    }

    public long elements() {
        return rows * columns;
    }

    /** Shape held: [columns] of a vector, [rows, columns] of a matrix. */
    public Shape shape() {
        return tensor.dims().size() == 1 ? Shape.of(columns) : Shape.of(rows, columns);
    }
}
