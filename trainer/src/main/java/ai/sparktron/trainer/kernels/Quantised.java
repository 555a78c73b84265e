package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * A matrix in eight bits: each number is an element times the scale of its block.
 *
 * @param elements [R, C] of F8_E4M3 or F8_E5M2, contiguous
 * @param scales   float32; WHOLE: [1]; ROW_PIECES: [ceil(C/128), R rounded up to 4], a piece's scale at (its place in the row, the row); SQUARES: [ceil(R/128), ceil(C/128)
 *                 rounded up to 4]. These are the layouts of cuBLASLt; what rounding adds is never read
 * @param blocks   what has a scale
 */
public record Quantised(Tensor elements, Tensor scales, Blocks blocks) {

    /** Side of a block. */
    public static final long BLOCK = 128;
    /** Sizes that tensor cores multiply are multiples of this. */
    public static final long MULTIPLE = 16;

    private static final long SCALES_TOGETHER = 4;

    /** What has a scale of its own. */
    public enum Blocks {
        /** The matrix. */
        WHOLE,
        /** 128 neighbours of a row. */
        ROW_PIECES,
        /** 128 x 128 neighbours. */
        SQUARES
    }

    public Quantised {
        if (elements.dtype() != DType.F8_E4M3 && elements.dtype() != DType.F8_E5M2 || !elements.isContiguous() || scales.dtype() != DType.F32) {
            throw new IllegalStateException("quantised matrix " + elements + " with scales " + scales + ": expected contiguous F8_E4M3 or F8_E5M2, and F32");
        }
    }

    /** Memory for a matrix, not yet written. */
    public static Quantised allocate(Arena.Frame frame, String name, DType dtype, long rows, long columns, Blocks blocks) {
        Tensor elements = frame.tensor(name, dtype, rows, columns);
        return new Quantised(elements, switch (blocks) {
            case WHOLE -> frame.tensor(name + ".scale", DType.F32, 1);
            case ROW_PIECES -> frame.tensor(name + ".scales", DType.F32, blocks(columns), up(rows, SCALES_TOGETHER));
            case SQUARES -> frame.tensor(name + ".scales", DType.F32, blocks(rows), up(blocks(columns), SCALES_TOGETHER));
        }, blocks);
    }

    /** The transpose of a matrix [R, C] as [C, R'], where R' is R rounded up to {@link #MULTIPLE}: the columns past R are zeros, so that any R can be summed over. */
    public static Quantised allocateTurned(Arena.Frame frame, String name, DType dtype, long rows, long columns, Blocks blocks) {
        return allocate(frame, name, dtype, columns, up(rows, MULTIPLE), blocks);
    }

    /** Index of an element's scale among all scales. */
    public long scaleOf(long row, long column) {
        return switch (blocks) {
            case WHOLE -> 0;
            case ROW_PIECES -> column / BLOCK * scales.columns() + row;
            case SQUARES -> row / BLOCK * scales.columns() + column / BLOCK;
        };
    }

    /** Blocks of so many neighbours, the last of which may be short. */
    private static long blocks(long neighbours) {
        return (neighbours + BLOCK - 1) / BLOCK;
    }

    private static long up(long size, long multiple) {
        return (size + multiple - 1) / multiple * multiple;
    }
}
