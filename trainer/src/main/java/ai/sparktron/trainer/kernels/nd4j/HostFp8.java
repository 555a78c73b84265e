package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.kernels.Fp8Kernels;
import ai.sparktron.trainer.kernels.Quantised;
import ai.sparktron.trainer.kernels.Quantised.Blocks;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Float8;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.Arrays;

/** Eight bits on the CPU: the same numbers as on a GPU, multiplied in float32 after decoding. To test and to compare with; it saves no time. */
final class HostFp8 implements Fp8Kernels {

    private static final int BLOCK = (int) Quantised.BLOCK;

    private final Gemm gemm;
    private final HostWide wide;
    private float[] band = new float[0];
    private float[] line = new float[0];
    private int columns;
    private DType dtype;

    HostFp8(Gemm gemm, HostWide wide) {
        this.gemm = gemm;
        this.wide = wide;
    }

    @Override
    public void largest(Tensor x, Tensor largest, Write write) {
        HostRows rows = HostRows.of(x);
        ByteBuffer result = (ByteBuffer) largest.view();
        float found = write == Write.ACCUMULATE ? result.getFloat(0) : 0;
        for (int row = 0; row < rows.rows(); row++) {
            found = Math.max(found, largest(load(rows, row), rows.columns()));
        }
        result.putFloat(0, found);
    }

    private float[] load(HostRows rows, int row) {
        if (line.length < rows.columns()) {
            line = new float[rows.columns()];
        }
        rows.load(row, 0, rows.columns(), line);
        return line;
    }

    /** NaN where one of them is. */
    private static float largest(float[] values, int count) {
        float found = 0;
        for (int i = 0; i < count; i++) {
            found = Math.max(found, Math.abs(values[i]));
        }
        return found;
    }

    @Override
    public void quantise(Tensor x, Tensor largest, Quantised rows, Quantised turned, Tensor seen) {
        HostRows source = HostRows.of(x);
        float magnitude = ((ByteBuffer) largest.view()).getFloat(0);
        Target straight = Target.of(rows);
        Target across = Target.of(turned);
        float factor = Fp8Scale.factor((rows == null ? turned : rows).elements().dtype(), magnitude, false);
        float found = 0;
        for (int row = 0; row < source.rows(); row++) {
            float[] values = load(source, row);
            found = seen == null ? 0 : Math.max(found, largest(values, source.columns()));
            for (int column = 0; column < source.columns(); column++) {
                straight.put(row, column, values[column] * factor);
                across.put(column, row, values[column] * factor);
            }
        }
        straight.scale(0, 0, magnitude);
        across.scale(0, 0, magnitude);
        across.clearFrom(source.rows());
        if (seen != null) {
            ByteBuffer kept = (ByteBuffer) seen.view();
            kept.putFloat(0, Math.max(kept.getFloat(0), found));
        }
    }

    @Override
    public void quantiseBlocks(Tensor x, Quantised rows, Quantised turned) {
        HostRows source = HostRows.of(x);
        boolean squares = (rows == null ? turned : rows).blocks() == Blocks.SQUARES;
        Target straight = Target.of(rows);
        Target across = Target.of(turned);
        columns = source.columns();
        dtype = (rows == null ? turned : rows).elements().dtype();
        if (band.length < BLOCK * columns) {
            band = new float[BLOCK * columns];
        }
        for (int first = 0; first < source.rows(); first += BLOCK) {
            int high = Math.min(BLOCK, source.rows() - first);
            for (int row = 0; row < high; row++) {
                System.arraycopy(load(source, first + row), 0, band, row * columns, columns);
            }
            for (int from = 0; from < columns; from += BLOCK) {
                square(straight, across, squares ? Blocks.SQUARES : Blocks.ROW_PIECES, first, high, from, Math.min(BLOCK, columns - from));
            }
        }
        across.clearFrom(source.rows());
    }

    /** A square of the band: its scale, or those of its rows and of its columns. */
    private void square(Target straight, Target across, Blocks blocks, int firstRow, int high, int firstColumn, int wideness) {
        boolean one = blocks == Blocks.SQUARES;
        float[] ofRows = new float[high];
        float[] ofColumns = new float[wideness];
        float all = 0;
        for (int r = 0; r < high; r++) {
            for (int c = 0; c < wideness; c++) {
                float magnitude = Math.abs(band[r * columns + firstColumn + c]);
                ofRows[r] = Math.max(ofRows[r], magnitude);
                ofColumns[c] = Math.max(ofColumns[c], magnitude);
                all = Math.max(all, magnitude);
            }
        }
        if (one) {
            Arrays.fill(ofRows, all);
            Arrays.fill(ofColumns, all);
        }
        float[] factors = new float[wideness];
        for (int c = 0; c < wideness; c++) {
            across.scale(firstColumn + c, firstRow, ofColumns[c]);
            factors[c] = Fp8Scale.factor(dtype, ofColumns[c], true);
        }
        for (int r = 0; r < high; r++) {
            straight.scale(firstRow + r, firstColumn, ofRows[r]);
            float factor = Fp8Scale.factor(dtype, ofRows[r], true);
            for (int c = 0; c < wideness; c++) {
                float value = band[r * columns + firstColumn + c];
                straight.put(firstRow + r, firstColumn + c, value * factor);
                across.put(firstColumn + c, firstRow + r, value * factors[c]);
            }
        }
    }

    /** Where quantised numbers go; one that is not wanted takes nothing. */
    private static final class Target {
        private final Quantised matrix;
        private final DType dtype;
        private final ByteBuffer elements;
        private final FloatBuffer scales;
        private final int stride;

        private Target(Quantised matrix) {
            this.matrix = matrix;
            this.dtype = matrix == null ? null : matrix.elements().dtype();
            this.elements = matrix == null ? null : (ByteBuffer) matrix.elements().view();
            this.scales = matrix == null ? null : ((ByteBuffer) matrix.scales().view()).asFloatBuffer();
            this.stride = matrix == null ? 0 : Math.toIntExact(matrix.elements().columns());
        }

        static Target of(Quantised matrix) {
            return new Target(matrix);
        }

        void put(int row, int column, float scaled) {
            if (matrix != null) {
                elements.put(row * stride + column, Float8.encode(dtype, scaled));
            }
        }

        void scale(int row, int column, float largest) {
            if (matrix != null) {
                scales.put(Math.toIntExact(matrix.scaleOf(row, column)), Fp8Scale.scale(dtype, largest, matrix.blocks() != Blocks.WHOLE));
            }
        }

        /** The columns that only fill up. */
        void clearFrom(int column) {
            for (int row = 0; matrix != null && row < matrix.elements().rows(); row++) {
                for (int c = column; c < stride; c++) {
                    elements.put(row * stride + c, (byte) 0);
                }
            }
        }
    }

    @Override
    public void turn(Quantised rows, Quantised turned) {
        ByteBuffer from = (ByteBuffer) rows.elements().view();
        ByteBuffer to = (ByteBuffer) turned.elements().view();
        FloatBuffer scales = ((ByteBuffer) rows.scales().view()).asFloatBuffer();
        FloatBuffer turnedScales = ((ByteBuffer) turned.scales().view()).asFloatBuffer();
        int wideness = Math.toIntExact(rows.elements().columns());
        int stride = Math.toIntExact(turned.elements().columns());
        for (int row = 0; row < rows.elements().rows(); row++) {
            for (int column = 0; column < wideness; column++) {
                to.put(column * stride + row, from.get(row * wideness + column));
                turnedScales.put(Math.toIntExact(turned.scaleOf(column, row)), scales.get(Math.toIntExact(rows.scaleOf(row, column))));
            }
        }
        Target.of(turned).clearFrom(Math.toIntExact(rows.elements().rows()));
    }

    @Override
    public void product(Quantised a, Quantised b, Tensor out, Write write, Sums sums) {
        wide.begin(a.elements(), b.elements(), out);
        Tensor left = decoded(a);
        Tensor right = decoded(b);
        Tensor result = wide.write(out, write);
        gemm.multiply(Transpose.NO, Transpose.YES, out.rows(), out.columns(), left.columns(), 1, left.address(), left.rowStride(), right.address(), right.rowStride(),
                write == Write.ACCUMULATE ? 1 : 0, result.address(), result.rowStride());
        wide.finish(result, out);
    }

    private Tensor decoded(Quantised matrix) {
        Tensor numbers = wide.room(matrix.elements());
        HostRows target = HostRows.of(numbers);
        ByteBuffer elements = (ByteBuffer) matrix.elements().view();
        FloatBuffer scales = ((ByteBuffer) matrix.scales().view()).asFloatBuffer();
        DType type = matrix.elements().dtype();
        float[] values = new float[target.columns()];
        for (int row = 0; row < target.rows(); row++) {
            for (int column = 0; column < values.length; column++) {
                float scale = scales.get(Math.toIntExact(matrix.scaleOf(row, column)));
                values[column] = Float8.decode(type, elements.get(row * values.length + column)) * scale;
            }
            target.store(row, 0, values.length, values);
        }
        return numbers;
    }

    @Override
    public void remember(Tensor seen, Tensor history, long place, Outlook outlook, Tensor largest) {
        FloatBuffer last = ((ByteBuffer) seen.view()).asFloatBuffer();
        FloatBuffer past = ((ByteBuffer) history.view()).asFloatBuffer();
        FloatBuffer next = ((ByteBuffer) largest.view()).asFloatBuffer();
        int matrices = Math.toIntExact(seen.elements());
        for (int i = 0; i < matrices; i++) {
            past.put((int) place * matrices + i, Float.isFinite(last.get(i)) ? last.get(i) : 0);
            float expected = past.get((int) place * matrices + i);
            for (int row = 0; outlook == Outlook.MAX && row < history.rows(); row++) {
                expected = Math.max(expected, past.get(row * matrices + i));
            }
            if (expected > 0) {
                next.put(i, expected);
            }
            last.put(i, 0);
        }
    }
}
