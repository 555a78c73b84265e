package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.kernels.Quantised.Blocks;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Float8;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.Arrays;

/** Eight bits by definition: the largest magnitude of each block, then an element at a time. */
final class ReferenceFp8 implements Fp8Kernels {

    @Override
    public void largest(Tensor x, Tensor largest, Write write) {
        Cells cells = new Cells(x);
        double found = magnitude(cells, 0, cells.rows(), 0, cells.columns());
        Cells result = new Cells(largest);
        result.set(0, write == Write.ACCUMULATE ? Math.max(result.get(0), found) : found);
    }

    /** Of a rectangle; infinite where an element is not finite. */
    private static double magnitude(Cells cells, long firstRow, long rows, long firstColumn, long columns) {
        double found = 0;
        for (long row = firstRow; row < Math.min(cells.rows(), firstRow + rows); row++) {
            for (long column = firstColumn; column < Math.min(cells.columns(), firstColumn + columns); column++) {
                double value = Math.abs(cells.get(row, column));
                found = Double.isFinite(value) ? Math.max(found, value) : Double.POSITIVE_INFINITY;
            }
        }
        return found;
    }

    @Override
    public void quantise(Tensor x, Tensor largest, Quantised rows, Quantised turned, Tensor seen) {
        Cells cells = new Cells(x);
        float given = (float) new Cells(largest).get(0);
        write(cells, rows, false, given);
        write(cells, turned, true, given);
        if (seen != null) {
            largest(x, seen, Write.ACCUMULATE);
        }
    }

    @Override
    public void quantiseBlocks(Tensor x, Quantised rows, Quantised turned) {
        write(new Cells(x), rows, false, 0);
        write(new Cells(x), turned, true, 0);
    }

    private static void write(Cells x, Quantised target, boolean turn, float given) {
        if (target == null) {
            return;
        }
        DType type = target.elements().dtype();
        Cells elements = new Cells(target.elements());
        Cells scales = new Cells(target.scales());
        double[] largest = new double[(int) target.scales().elements()];
        Arrays.fill(largest, target.blocks() == Blocks.WHOLE ? given : 0);
        for (long row = 0; target.blocks() != Blocks.WHOLE && row < elements.rows(); row++) {
            for (long column = 0; column < elements.columns(); column++) {
                int scale = (int) target.scaleOf(row, column);
                largest[scale] = Math.max(largest[scale], magnitude(x, turn ? column : row, 1, turn ? row : column, 1));
            }
        }
        for (long row = 0; row < elements.rows(); row++) {
            for (long column = 0; column < elements.columns(); column++) {
                int scale = (int) target.scaleOf(row, column);
                boolean finite = Float.isFinite((float) largest[scale]);
                float factor = largest[scale] == 0 || !finite ? 1 : Math.min(0x1p126f, Float8.largest(type) / (float) largest[scale]);
                if (target.blocks() != Blocks.WHOLE) {
                    factor = Math.scalb(1f, Math.getExponent(factor));
                }
                boolean filling = (turn ? column : row) >= x.rows();
                elements.set(row, column, filling ? 0 : Float8.encode(type, (float) x.get(turn ? column : row, turn ? row : column) * factor));
                scales.set(scale / scales.columns(), scale % scales.columns(), finite ? 1 / factor : Float.NaN);
            }
        }
    }

    @Override
    public void turn(Quantised rows, Quantised turned) {
        Cells from = new Cells(rows.elements());
        Cells to = new Cells(turned.elements());
        Cells scales = new Cells(rows.scales());
        Cells turnedScales = new Cells(turned.scales());
        for (long row = 0; row < to.columns(); row++) {
            for (long column = 0; column < to.rows(); column++) {
                to.set(column, row, row < from.rows() ? from.get(row, column) : 0);
                long target = turned.scaleOf(column, row);
                long source = rows.scaleOf(Math.min(row, from.rows() - 1), column);
                turnedScales.set(target / turnedScales.columns(), target % turnedScales.columns(), scales.get(source / scales.columns(), source % scales.columns()));
            }
        }
    }

    @Override
    public void product(Quantised a, Quantised b, Tensor out, Write write, Sums sums) {
        Cells result = new Cells(out);
        double[][] left = decoded(a);
        double[][] right = decoded(b);
        for (int row = 0; row < left.length; row++) {
            for (int column = 0; column < right.length; column++) {
                double sum = 0;
                for (int i = 0; i < left[row].length; i++) {
                    sum += left[row][i] * right[column][i];
                }
                result.write(row, column, sum, write);
            }
        }
    }

    private static double[][] decoded(Quantised matrix) {
        Cells elements = new Cells(matrix.elements());
        Cells scales = new Cells(matrix.scales());
        double[][] numbers = new double[(int) elements.rows()][(int) elements.columns()];
        for (int row = 0; row < numbers.length; row++) {
            for (int column = 0; column < numbers[row].length; column++) {
                long scale = matrix.scaleOf(row, column);
                numbers[row][column] = Float8.decode(matrix.elements().dtype(), (byte) elements.get(row, column)) * scales.get(scale / scales.columns(), scale % scales.columns());
            }
        }
        return numbers;
    }

    @Override
    public void remember(Tensor seen, Tensor history, long place, Outlook outlook, Tensor largest) {
        Cells last = new Cells(seen);
        Cells past = new Cells(history);
        Cells next = new Cells(largest);
        for (long i = 0; i < last.columns(); i++) {
            past.set(place, i, Double.isFinite(last.get(i)) ? last.get(i) : 0);
            double expected = past.get(place, i);
            for (long row = 0; outlook == Outlook.MAX && row < past.rows(); row++) {
                expected = Math.max(expected, past.get(row, i));
            }
            next.set(i, expected == 0 ? next.get(i) : expected);
            last.set(i, 0);
        }
    }
}
