package ai.sparktron.trainer.checkpoint;

import java.util.List;
import java.util.Objects;

/**
 * Where a run of elements lies in a global tensor: a rectangle of it (what tensor parallelism cuts), and of the rectangle's elements in row-major order a range
 * (what the distributed optimizer cuts). Tensors of one dimension are one row.
 *
 * @param name         name of the global tensor in Hugging Face files
 * @param shape        its global shape
 * @param firstRow     first row of the rectangle
 * @param rows         its rows
 * @param firstColumn  first column
 * @param columns      its columns
 * @param firstElement first element of the range, counted in the rectangle
 * @param elements     elements of the range
 */
public record GlobalSlice(String name, List<Long> shape, long firstRow, long rows, long firstColumn, long columns, long firstElement,
                          long elements) {

    public GlobalSlice {
        Objects.requireNonNull(name, "name");
        shape = List.copyOf(shape);
        if (firstRow < 0 || rows < 0 || firstColumn < 0 || columns < 0 || firstRow + rows > globalRows(shape)
                || firstColumn + columns > globalColumns(shape)) {
            throw new IllegalArgumentException("slice rows " + firstRow + "+" + rows + ", columns " + firstColumn + "+" + columns + " of "
                    + name + " " + shape + " lies outside");
        }
        if (firstElement < 0 || elements < 0 || firstElement + elements > rows * columns) {
            throw new IllegalArgumentException("elements " + firstElement + "+" + elements + " of a slice of " + name + " with " + rows + " x "
                    + columns);
        }
    }

    /** The whole of a tensor. */
    public static GlobalSlice whole(String name, List<Long> shape) {
        long rows = globalRows(shape);
        long columns = globalColumns(shape);
        return new GlobalSlice(name, shape, 0, rows, 0, columns, 0, rows * columns);
    }

    private static long globalRows(List<Long> shape) {
        long rows = 1;
        for (int d = 0; d + 1 < shape.size(); d++) {
            rows *= shape.get(d);
        }
        return rows;
    }

    private static long globalColumns(List<Long> shape) {
        return shape.isEmpty() ? 1 : shape.get(shape.size() - 1);
    }

    /** A part of this slice's range: elements {@code from} to {@code from + count} of it. */
    public GlobalSlice part(long from, long count) {
        return new GlobalSlice(name, shape, firstRow, rows, firstColumn, columns, firstElement + from, count);
    }

    /** Takes a run of elements that two slices share. */
    @FunctionalInterface
    public interface Run {
        /**
         * @param here  index in this slice's range
         * @param there index in the other slice's range
         * @param count elements
         */
        void accept(long here, long there, long count);
    }

    /**
     * Calls {@code run} for every run of elements that this slice and the other have in common, in order.
     *
     * @return number of common elements
     */
    public long overlap(GlobalSlice other, Run run) {
        if (!name.equals(other.name) || elements == 0 || other.elements == 0) {
            return 0;
        }
        if (firstColumn == other.firstColumn && columns == other.columns) {
            return overlapOfRanges(other, run);
        }
        long low = Math.max(firstColumn, other.firstColumn);
        long high = Math.min(firstColumn + columns, other.firstColumn + other.columns);
        long firstCommonRow = Math.max(firstRow + firstElement / columns, other.firstRow + other.firstElement / other.columns);
        long lastCommonRow = Math.min(firstRow + (firstElement + elements - 1) / columns,
                other.firstRow + (other.firstElement + other.elements - 1) / other.columns);
        long common = 0;
        for (long row = firstCommonRow; row <= lastCommonRow; row++) {
            long from = Math.max(low, Math.max(firstColumnIn(row), other.firstColumnIn(row)));
            long to = Math.min(high, Math.min(endColumnIn(row), other.endColumnIn(row)));
            if (from < to) {
                run.accept(indexOf(row, from), other.indexOf(row, from), to - from);
                common += to - from;
            }
        }
        return common;
    }

    /** Same columns: rows follow each other in both, so the overlap is one run. */
    private long overlapOfRanges(GlobalSlice other, Run run) {
        long shift = (other.firstRow - firstRow) * columns;
        long from = Math.max(firstElement, other.firstElement + shift);
        long to = Math.min(firstElement + elements, other.firstElement + other.elements + shift);
        if (from >= to) {
            return 0;
        }
        run.accept(from - firstElement, from - shift - other.firstElement, to - from);
        return to - from;
    }

    private long firstColumnIn(long row) {
        return firstColumn + Math.max(0, firstElement - (row - firstRow) * columns);
    }

    private long endColumnIn(long row) {
        return firstColumn + Math.min(columns, firstElement + elements - (row - firstRow) * columns);
    }

    private long indexOf(long row, long column) {
        return (row - firstRow) * columns + (column - firstColumn) - firstElement;
    }
}
